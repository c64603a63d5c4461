/** A client's meters and spans, for Micrometer. */
@NullMarked
package dev.holdfast.cache.micrometer;

import org.jspecify.annotations.NullMarked;
