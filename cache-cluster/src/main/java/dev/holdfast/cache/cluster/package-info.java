/**
 * A Redis or Valkey Cluster as a {@link dev.holdfast.cache.spi.CacheStore}:
 * {@link dev.holdfast.cache.cluster.ClusterStore}, on Lettuce.
 */
@NullMarked
package dev.holdfast.cache.cluster;

import org.jspecify.annotations.NullMarked;
