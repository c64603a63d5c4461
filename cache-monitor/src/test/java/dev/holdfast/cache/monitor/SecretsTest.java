package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisServer;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** All that a process says from its start to its end, with every log at its most talkative. */
class SecretsTest {
    private static final String TOKEN = "s3cret-of-the-monitor";

    @Test
    void noSecretIsInAnythingThatAProcessSays() throws Exception {
        try (RedisServer redis =
                RedisServer.builder().password("s3cret-of-redis").start()) {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=trace",
                    "-cp",
                    String.join(
                            File.pathSeparator,
                            "target/classes",
                            "target/test-classes",
                            System.getProperty("jdk.module.path", ""),
                            System.getProperty("java.class.path")),
                    Talkative.class.getName()));
            command.addAll(List.of(
                    "REDIS_URL",
                    redis.url(),
                    "REDIS_MONITORING_PORT",
                    "0",
                    "REDIS_MONITORING_TOKEN",
                    TOKEN,
                    "REDIS_ALERT_WEBHOOK_URL",
                    "http://127.0.0.1:1/services/s3cret-of-the-webhook",
                    "REDIS_ALERT_PAGERDUTY_KEY",
                    "s3cretOfPagerDutyWith32Charactrs",
                    "REDIS_ALERT_WEBHOOK_TYPE",
                    "pagerduty",
                    "REDIS_ALERT_SMTP_URL",
                    "smtp://holdfast:s3cret-of-mail@127.0.0.1:1?from=a@example.com&to=b@example.com",
                    TOKEN));
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(0, process.waitFor(), () -> said);
            for (String part : List.of(
                    "TRACE",
                    "CacheConfigException: REDIS_ALERT_WEBHOOK_URL is",
                    "\"lastError\":\"",
                    "status=401",
                    "WRONGPASS")) {
                assertTrue(said.contains(part), () -> part + " is not in " + said);
            }
            int at = said.indexOf("s3cret");
            assertFalse(at >= 0, () -> said.substring(Math.max(0, at - 500), Math.min(said.length(), at + 200)));
        }
    }
}
