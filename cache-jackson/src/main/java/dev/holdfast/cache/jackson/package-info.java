/** JSON for values, on Jackson 3. */
@NullMarked
package dev.holdfast.cache.jackson;

import org.jspecify.annotations.NullMarked;
