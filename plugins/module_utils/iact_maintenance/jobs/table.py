"""The jobs by name. To add one: a file beside this one that ends in its JOB, and a line here."""

from __future__ import annotations

from .model import Job


def job(name: str) -> Job:
    """Return the job with that name. Only its own modules are imported, so that each command starts fast."""
    if name == "session_cleanup":
        from .session_cleanup import JOB
    elif name == "health":
        from .health import JOB
    elif name == "backup":
        from .backup import JOB
    elif name == "restore":
        from .restore import JOB
    elif name == "archives":
        from .archives import JOB
    elif name == "adopt":
        from .adopt import JOB
    elif name == "verify":
        from .verify import JOB
    elif name == "prune":
        from .prune import JOB
    else:
        raise ValueError(name)
    return JOB
