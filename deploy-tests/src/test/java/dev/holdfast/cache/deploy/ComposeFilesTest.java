package dev.holdfast.cache.deploy;

import static dev.holdfast.cache.deploy.Yamls.at;
import static dev.holdfast.cache.deploy.Yamls.list;
import static dev.holdfast.cache.deploy.Yamls.map;
import static dev.holdfast.cache.deploy.Yamls.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The Compose files and the files of variables, as far as they can be looked at without containers. */
class ComposeFilesTest {
    private static final Path COMPOSE = Yamls.DEPLOY.resolve("compose");

    @Test
    void sixNodesShareTheNetworkOfTheFirstWhichAlonePublishesPorts() {
        Object file = Yamls.documents(COMPOSE.resolve("redis-cluster-docker-compose.yml"))
                .get(0);
        assertEquals(7, map(file, "services").size());
        assertEquals(List.of("127.0.0.1:7001-7006:7001-7006"), list(file, "services", "redis-1", "ports"));
        for (int i = 2; i <= 6; i++) {
            Object node = at(file, "services", "redis-" + i);
            assertEquals("service:redis-1", at(node, "network_mode"));
            assertEquals("700" + i, at(node, "environment", "PORT"));
            assertFalse(map(node).containsKey("ports"));
            assertTrue(text(node, "command").contains("--cluster-announce-ip 127.0.0.1"));
        }
        assertEquals("service:redis-1", at(file, "services", "redis-cluster-setup", "network_mode"));
    }

    @Test
    void theClusterIsMadeByTheScriptThatKubernetesHas() {
        Object file = Yamls.documents(COMPOSE.resolve("redis-cluster-docker-compose.yml"))
                .get(0);
        String script = text(file, "services", "redis-cluster-setup", "command", 2);
        assertFalse(script.replace("$$", "").contains("$"), "Compose would put a variable of its own there");
        Object config = Overlay.of("production").one("ConfigMap", "redis-cluster");
        assertEquals(text(config, "data", "init.sh"), script.replace("$$", "$"));
        assertEquals(
                "127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7003 127.0.0.1:7004 127.0.0.1:7005 127.0.0.1:7006",
                text(file, "services", "redis-cluster-setup", "environment", "NODES"));
    }

    /** All files of the folder are one project where nobody names it, so that a name in two of them would be one service. */
    @Test
    void noServiceIsInTwoFilesAndNoImageChangesUnderneath() throws IOException {
        Map<String, Path> owners = new TreeMap<>();
        try (Stream<Path> files = Files.list(COMPOSE)) {
            for (Path file : files.filter(each -> each.toString().endsWith("compose.yml")
                            || each.toString().endsWith("compose.dev.yml"))
                    .toList()) {
                map(Yamls.documents(file).get(0), "services").forEach((name, service) -> {
                    Path other = owners.put((String) name, file);
                    assertEquals(null, other, name + " is in " + file + " too");
                    assertTrue(text(service, "image").matches(".+:[^:]*[0-9][^:]*"), text(service, "image"));
                    for (Object port : list(service, "ports")) {
                        assertTrue(port.toString().startsWith("127.0.0.1:"), file + ": " + port);
                    }
                });
            }
        }
        assertTrue(owners.size() >= 14, owners.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"production", "development", "serverless", "minimal"})
    void theVariablesAreThoseThatAreReadAndNoSecretIsAmongThem(String name) throws IOException {
        Map<String, String> variables = new TreeMap<>();
        for (String line : Files.readAllLines(COMPOSE.resolve("env").resolve(name + ".env"))) {
            if (line.startsWith("#") || line.isBlank()) {
                continue;
            }
            assertTrue(line.matches("[A-Z_]+(=\\S.*)?"), line);
            String[] both = line.split("=", 2);
            boolean secret = both[0].matches(".*(PASSWORD|TOKEN|WEBHOOK_URL)");
            assertEquals(secret, both.length == 1, line);
            variables.put(both[0], secret ? "https://secret-of-this-test" : both[1]);
        }
        String documented = Files.readString(Path.of("..", "README.md"))
                + Files.readString(Path.of("..", "docs", "monitoring.md"))
                + "`PORT`";
        variables.keySet().forEach(each -> assertTrue(documented.contains('`' + each + '`'), each));
        variables.put("REDIS_ENABLED", "false");
        variables.put("REDIS_MONITORING_ENABLED", "false");
        try (CacheClient client = CacheClient.from(Settings.of(variables))) {
            assertEquals("DISABLED", client.health().status().name(), "it names a server");
        }
    }
}
