/**
 * Real servers, scripted faults and the contract of a store, for the tests of this library and of the applications that use it.
 *
 * <p>{@link dev.holdfast.cache.testkit.RedisServer} and {@link dev.holdfast.cache.testkit.RedisCluster} run real {@code
 * redis-server} processes on loopback; {@link dev.holdfast.cache.testkit.TcpProxy} stands between a client and a server and
 * spoils what passes. Nothing needs to be installed on Linux or macOS, and nothing outlives the JVM.
 *
 * <p>How an application tests what it does during an outage:
 *
 * <pre>{@code
 * try (RedisServer redis = RedisServer.start()) {
 *     var shop = new Shop(Map.of("REDIS_URL", redis.url()));  // your application, pointed at the server
 *     shop.priceOf("tea");
 *
 *     redis.kill();                                            // as kill -9 does; or freeze(), or setPassword("rotated")
 *     assertEquals(250, shop.priceOf("tea"));                  // still answers?
 *     shop.changePrice("tea", 300);
 *
 *     redis.restart(RedisServer.Data.KEEP);                    // back, with the data from before the outage
 *     assertEquals(300, shop.priceOf("tea"));                  // and not with the old price?
 * }
 * }</pre>
 */
@NullMarked
package dev.holdfast.cache.testkit;

import org.jspecify.annotations.NullMarked;
