#!/bin/sh
# What an uninstallation must come back to: names, owners and modes wherever the role could leave something.
find /etc /usr/local /var/lib /var/log /var/backups /var/spool /srv -xdev -printf '%M %u %g %p\n'
getent passwd
getent group
