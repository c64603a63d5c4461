package dev.holdfast.cache.monitor;

import java.util.Locale;

/** How bad an alert is, from the least. */
enum Severity {
    INFO,
    WARNING,
    CRITICAL;

    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
