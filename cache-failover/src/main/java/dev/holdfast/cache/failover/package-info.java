/**
 * {@link dev.holdfast.cache.failover.FailoverStore}, a store made of stores. The decisions ({@code FailoverState} with its
 * parts, {@code Call}) know neither threads nor clocks nor I/O; {@code CallRunner}, {@code Tier} and {@code Background} do
 * what was decided.
 */
@org.jspecify.annotations.NullMarked
package dev.holdfast.cache.failover;
