package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** In which order the scripts call kubectl, and how they end. A kubectl without a cluster stands in: no control plane runs in this build. */
@DisabledOnOs(OS.WINDOWS)
class ScriptsTest {
    private static final String KUBECTL = """
            #!/bin/sh
            echo "$*" >> "$CALLS"
            case "$*" in
            kustomize*) echo "  namespace: holdfast" ;;
            *"get secret"*) exit 1 ;;
            *"create secret"*) cat > "$CALLS.secret" ;;
            *"get statefulset"*) echo statefulset.apps/redis-cluster ;;
            *"get deployment"*) echo deployment.apps/cached-service ;;
            *proxy/health) echo OK ;;
            *proxy/ready) echo "${READY:-READY}" ;;
            *health/redis) echo '{"status":"healthy","redis":{}}' ;;
            *"rollout status deployment"*) exit "${ROLLOUT:-0}" ;;
            esac
            """;

    @TempDir
    Path dir;

    private Path calls;

    @BeforeEach
    void standIn() throws IOException {
        calls = dir.resolve("calls");
        Path kubectl = dir.resolve("kubectl");
        Files.writeString(kubectl, KUBECTL);
        assertTrue(kubectl.toFile().setExecutable(true));
    }

    private Shell.Output run(Map<String, String> more, String... command) {
        Map<String, String> environment = new TreeMap<>(more);
        environment.put("PATH", dir + ":" + System.getenv("PATH"));
        environment.put("CALLS", calls.toString());
        environment.put("TRIES", "1");
        List<String> words =
                new ArrayList<>(List.of("sh", Yamls.DEPLOY.resolve(command[0]).toString()));
        words.addAll(List.of(command).subList(1, command.length));
        return Shell.run(words, environment);
    }

    private List<String> calls(String part) throws IOException {
        return Files.readAllLines(calls).stream()
                .filter(line -> line.contains(part))
                .toList();
    }

    @Test
    void infrastructureComesBeforeDataBeforeTheApplicationBeforeTheSmokeTest() throws IOException {
        Shell.Output deployed = run(Map.of("ALERT_WEBHOOK_URL", "https://hooks.example/T1"), "deploy", "production")
                .mustEndWith(0);
        List<String> all = Files.readAllLines(calls);
        List<Integer> order = new ArrayList<>();
        for (String each : List.of(
                "part=infrastructure",
                "create secret generic redis-secrets",
                "part=data",
                "rollout status statefulset",
                "apply -k",
                "rollout status deployment",
                "proxy/health",
                "proxy/ready",
                "health/redis")) {
            int from = order.isEmpty() ? 0 : order.get(order.size() - 1);
            int at = from;
            while (at < all.size() && !all.get(at).contains(each)) {
                at++;
            }
            assertTrue(at < all.size(), each + " after " + from + " of " + all);
            order.add(at);
        }
        assertEquals(3, calls("apply -k").size());
        assertEquals(48, Files.readString(Path.of(calls + ".secret")).length(), "a random secret, by standard input");
        assertFalse(all.toString().contains("hooks.example"), "a secret is no argument: " + all);
        assertTrue(deployed.out().contains("ok    /ready  READY"), deployed.out());
    }

    @Test
    void podsThatDoNotBecomeReadyFailWithWhatToDo() {
        Shell.Output failed =
                run(Map.of("ROLLOUT", "1"), "deploy", "production").mustEndWith(1);
        assertTrue(failed.err().contains("deploy/rollback holdfast"), failed.err());
    }

    @Test
    void theSmokeTestFailsWithTheLineThatIsNotWell() {
        Shell.Output failed =
                run(Map.of("READY", "NOT"), "smoke-test", "holdfast").mustEndWith(1);
        assertTrue(failed.out().contains("ok    /health  OK"), failed.out());
        assertTrue(failed.out().contains("FAIL  /ready"), failed.out());
    }

    @Test
    void theWayBackIsARevisionAVersionOrWithoutRedis() throws IOException {
        run(Map.of(), "rollback", "holdfast").mustEndWith(0);
        assertEquals(1, calls("rollout undo deployment.apps/cached-service").size());
        run(Map.of(), "rollback", "holdfast", "--to", "blue").mustEndWith(0);
        assertEquals(
                1, calls("{\"spec\":{\"selector\":{\"version\":\"blue\"}}}").size());
        run(Map.of(), "rollback", "holdfast", "--redis-off").mustEndWith(0);
        assertEquals(1, calls("{\"data\":{\"REDIS_ENABLED\":\"false\"}}").size());
    }

    @Test
    void wrongArgumentsAreNamed() {
        Shell.Output unknown = run(Map.of(), "deploy", "prod").mustEndWith(2);
        assertTrue(unknown.err().contains("production"), unknown.err());
        run(Map.of(), "smoke-test").mustEndWith(2);
        run(Map.of(), "rollback", "holdfast", "--to", "red").mustEndWith(2);
        run(Map.of(), "rollback", "holdfast", "--hard").mustEndWith(2);
    }
}
