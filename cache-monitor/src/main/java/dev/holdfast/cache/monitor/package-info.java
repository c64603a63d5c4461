/** What an operator asks a running process, and what it says by itself: endpoints, alerts, a live page. */
@NullMarked
package dev.holdfast.cache.monitor;

import org.jspecify.annotations.NullMarked;
