/** The same service over the cache managers of Spring Data Redis, Redisson, JetCache and Holdfast. */
@NullMarked
package dev.holdfast.benchmarks.spring;

import org.jspecify.annotations.NullMarked;
