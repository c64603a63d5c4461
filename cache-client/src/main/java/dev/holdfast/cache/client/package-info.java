/** The entry point: {@link dev.holdfast.cache.client.CacheClient}. */
@NullMarked
package dev.holdfast.cache.client;

import org.jspecify.annotations.NullMarked;
