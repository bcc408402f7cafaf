"""Makes the application's SQLite file: 100 expired sessions and 50 live ones."""

import os
import shutil
import sqlite3
import sys
from datetime import datetime, timedelta

path = sys.argv[1]
os.makedirs(os.path.dirname(path), exist_ok=True)
connection = sqlite3.connect(path)
connection.execute(
    "CREATE TABLE django_session"
    " (session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime NOT NULL)"
)
connection.execute("CREATE INDEX django_session_expire ON django_session (expire_date)")
now = datetime.utcnow()
rows = [(f"key-{number}", "data", now + timedelta(days=1 if number < 50 else -1)) for number in range(150)]
connection.executemany("INSERT INTO django_session VALUES (?, ?, ?)", [(key, data, str(at)) for key, data, at in rows])
connection.execute("CREATE TABLE dora_metrics (id integer PRIMARY KEY, cycle_id text)")
connection.execute("INSERT INTO dora_metrics (cycle_id) VALUES ('one')")
connection.commit()
for name in (path, os.path.dirname(path)):
    shutil.chown(name, "callcenter", "callcenter")
os.chmod(path, 0o660)
# SQLite writes its journal beside the file
os.chmod(os.path.dirname(path), 0o2770)
