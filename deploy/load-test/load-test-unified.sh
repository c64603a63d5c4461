#!/bin/sh
# load-test-unified.sh -Mode sequential|concurrent -Url http://host:port/request -Count 10 -Timeout 30
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" "$(dirname "$0")/LoadTestUnified.java" "$@"
