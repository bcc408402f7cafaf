#!/bin/sh
# Looks at the host and changes nothing. Prints one thing seen a line: its kind, the thing and a remark, with tabs between.
# In the environment: IACT_USER, IACT_HOME, IACT_LOGS, IACT_LOG_GROUP, IACT_MARKER, IACT_KEPT, IACT_ROTATION, and, one a
# line, IACT_FOLDERS, IACT_CREDENTIALS and IACT_GROUPS. Passwords are never printed.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
newline='
'

see() {
    printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}"
}

programs() {
    for program in crontab logrotate mariadb-dump mysqldump pg_dump iact-maintenance; do
        if command -v "$program" >/dev/null; then see program "$program"; fi
    done
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' cron logrotate zstd python3-pymysql python3-psycopg2 \
        mariadb-client postgresql-client 2>/dev/null | while read -r status package; do
        if [ "$status" = installed ]; then see package "$package"; fi
    done
}

ours() {
    head -n 1 "$1" | grep -qxF "$IACT_MARKER"
}

folders() {
    IFS=$newline
    for folder in $IACT_FOLDERS; do
        [ -e "$folder" ] || continue
        owner=$(stat -L -c %U "$folder")
        if [ -e "$folder/$IACT_KEPT" ] && [ "$owner" = root ]; then
            see kept "$folder"
        elif [ "$owner" != "$IACT_USER" ]; then
            see folder "$folder belongs to $owner"
        else
            see own_folder "$folder"
        fi
    done
}

# The account could plant them in its folders, and root would give it what they point to.
links() {
    IFS=$newline
    for path in "$IACT_HOME/.iact" "$IACT_LOGS/cleanup.log" "$IACT_LOGS/health.log" "$IACT_LOGS/backup.log"; do
        if [ -L "$path" ]; then see link "$path"; fi
    done
    for folder in $IACT_FOLDERS; do
        if [ -L "$folder" ] && [ "$(stat -c %U "$folder")" != root ]; then see link "$folder"; fi
    done
}

accounts() {
    IFS=$newline
    if getent group "$IACT_USER" >/dev/null; then see own_group "$IACT_USER"; fi
    for group in $IACT_GROUPS $IACT_LOG_GROUP; do
        getent group "$group" >/dev/null || see no_group "$group"
    done
    # a group may be given by its number
    for group in $IACT_GROUPS; do
        name=$(getent group "$group" | cut -d: -f1)
        id -nGz "$IACT_USER" 2>/dev/null | grep -qzxF -e "$name" || see outside "$name"
    done
    [ -d "$IACT_HOME" ] || see no_home "$IACT_HOME"
}

credentials() {
    IFS=$newline
    for path in $IACT_CREDENTIALS; do
        [ -e "$path" ] || continue
        see credentials "$path"
        if [ ! -f "$path" ]; then
            # a pipe that the account put there would keep whoever reads it
            see secret "$path" "holds no text, since it is not a file"
        elif ours "$path"; then
            see own_secret "$path"
        else
            names=$(sed -n -e 's/^[[:space:]]*\(\[[^]]*\]\).*/\1/p' -e 's/^[[:space:]]*\([A-Za-z_-]*\)[[:space:]]*=.*/\1/p' \
                "$path" | tr '\n' ' ')
            see secret "$path" "holds ${names:-$(grep -c . "$path") lines }"
        fi
    done
}

rotation() {
    set -f
    if [ -f "$IACT_ROTATION" ] && ours "$IACT_ROTATION"; then see own_rotation "$IACT_ROTATION"; fi
    for file in /etc/logrotate.conf $(find /etc/logrotate.d -type f 2>/dev/null); do
        [ -f "$file" ] || continue
        if [ "$file" = "$IACT_ROTATION" ] && ours "$file"; then continue; fi
        for word in $(sed 's/^[[:space:]]*#.*//' "$file" | tr "{\"'" '   '); do
            for log in cleanup.log health.log backup.log; do
                # folder and name are compared apart, because the * of case also stands for a slash;
                # not quoted, because the rule's own * must count
                # shellcheck disable=SC2254
                case $IACT_LOGS in ${word%/*}) ;; *) continue ;; esac
                # shellcheck disable=SC2254
                case $log in ${word##*/}) see rotation "$file ($word)"; break ;; esac
            done
        done
    done
    set +f
}

# Of a line only its number, when it runs and the name that gave it away, because anything else in it may be a secret.
crontabs() {
    names='cleanup_sessions\.sh|backup_data_centralization\.sh|health_check\.sh|(cleanup|health|backup)\.log'
    old='cleanup_sessions\.sh|backup_data_centralization\.sh|iact.*health_check\.sh|health_check\.sh.*iact'
    logs="> *$IACT_LOGS/(cleanup|health|backup)\\.log"
    blank='[[:space:]]'
    time="([0-9*][0-9*,/-]*$blank+){3}[0-9A-Za-z*,/-]+$blank+[0-9A-Za-z*,/-]+"
    for file in /var/spool/cron/crontabs/* /etc/crontab /etc/cron.d/*; do
        [ -f "$file" ] || continue
        grep -nv "^$blank*#" "$file" | grep -iE "$old|$logs" | grep -v '/iact-maintenance ' | while read -r line; do
            schedule=$(printf '%s\n' "${line#*:}" | sed -nE "s%^$blank*(@[a-z]+|$time)$blank.*%\\1 %p")
            name=$(printf '%s\n' "$line" | grep -oiE "$names" | head -n 1)
            see crontab "$file line ${line%%:*}: $schedule$name"
        done
    done
}

see uid "$(id -u)"
programs
(folders)
(links)
(accounts)
(credentials)
(rotation)
crontabs
