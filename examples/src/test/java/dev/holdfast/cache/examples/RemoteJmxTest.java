package dev.holdfast.cache.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.rmi.server.RMIServerSocketFactory;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.management.ObjectName;
import javax.management.remote.JMXConnectorServer;
import javax.management.remote.JMXConnectorServerFactory;
import javax.management.remote.JMXServiceURL;
import javax.management.remote.rmi.RMIConnectorServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RemoteJmxTest {
    @Test
    void everyAttributeIsReadAndEveryOperationCalledFromAJvmWithoutOurClasses(@TempDir Path dir) throws Exception {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .name("remote")
                        .settings(Settings.of(Map.of("REDIS_URL", redis.url(), "REDIS_KEY_PREFIX", "t")))
                        .build()) {
            Cache<String, String> cache =
                    client.cache("users", String.class, String.class).build();
            cache.put("a", "1");
            cache.get("a");
            cache.get("b");
            awaitRegistration("dev.holdfast.cache:type=Cache,client=remote,name=users");
            String output = readFromOutside(dir, client.name());
            for (String line : new String[] {
                "CacheClient.Status=healthy",
                "CacheClient.Ready=true",
                "CacheClient.Type=native-redis",
                "CacheClient.ServingTier=single",
                "CacheClient.Tiers=single,memory",
                "CacheClient.HealthJson={\"type\":\"native-redis\"",
                "Tier.State=CLOSED",
                "Tier.FailureRate=0.0",
                "Tier.PoolMax=5",
                "Tier.LastFailure=null",
                "Node.Address=127.0.0.1:" + redis.port(),
                "Cache.Hits=1",
                "Cache.Misses=1",
                "Cache.HitRatio=0.5",
                "after forceFailover=memory",
                "refused=java.lang.IllegalStateException: "
            }) {
                assertTrue(output.contains(line), () -> "\"" + line + "\" is not in:\n" + output);
            }
            assertEquals(0, cache.stats().hits(), "resetStatistics");
        }
    }

    private static void awaitRegistration(String bean) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!ManagementFactory.getPlatformMBeanServer().isRegistered(new ObjectName(bean))) {
            assertTrue(System.nanoTime() < end, "waited in vain for " + bean);
            Thread.sleep(10);
        }
    }

    private static String readFromOutside(Path dir, String client) throws Exception {
        Path packageDir = Files.createDirectories(dir.resolve("dev/holdfast/cache/examples"));
        try (InputStream bytes = JmxReader.class.getResourceAsStream("JmxReader.class")) {
            Files.write(packageDir.resolve("JmxReader.class"), bytes.readAllBytes());
        }
        RMIServerSocketFactory loopback = port -> new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
        String hostBefore = System.getProperty("java.rmi.server.hostname");
        System.setProperty("java.rmi.server.hostname", "127.0.0.1");
        JMXConnectorServer connector = JMXConnectorServerFactory.newJMXConnectorServer(
                new JMXServiceURL("service:jmx:rmi://127.0.0.1"),
                Map.of(RMIConnectorServer.RMI_SERVER_SOCKET_FACTORY_ATTRIBUTE, loopback),
                ManagementFactory.getPlatformMBeanServer());
        connector.start();
        try {
            Process reader = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            dir.toString(),
                            JmxReader.class.getName(),
                            connector.getAddress().toString(),
                            "dev.holdfast.cache:type=CacheClient,name=" + client)
                    .redirectErrorStream(true)
                    .start();
            String output = new String(reader.getInputStream().readAllBytes(), UTF_8);
            assertTrue(reader.waitFor(60, TimeUnit.SECONDS), "the reader did not end");
            assertEquals(0, reader.exitValue(), output);
            return output;
        } finally {
            connector.stop();
            if (hostBefore == null) {
                System.clearProperty("java.rmi.server.hostname");
            } else {
                System.setProperty("java.rmi.server.hostname", hostBefore);
            }
        }
    }
}
