/**
 * One Redis or Valkey server as a {@link dev.holdfast.cache.spi.CacheStore}:
 * {@link dev.holdfast.cache.single.SingleStore}, on Jedis.
 */
@NullMarked
package dev.holdfast.cache.single;

import org.jspecify.annotations.NullMarked;
