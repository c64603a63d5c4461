package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
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
            kustomize*) echo "$RENDERED" ;;
            *"apply -k"*part=infrastructure) exit "${INFRASTRUCTURE:-0}" ;;
            *"apply -k"*part=application) cat "$3/kustomization.yaml" > "$CALLS.live" ;;
            *jsonpath=*REDIS_ENABLED*) echo "$OFF" ;;
            *"get service"*) printf %s "$COLOUR" ;;
            *"rollout undo"*) exit "${UNDO:-0}" ;;
            *"get secret"*) exit "${SECRETS:-1}" ;;
            *"patch secret"*) cat > "$CALLS.webhook" ;;
            *"create secret"*) cat > "$CALLS.secret" ;;
            *"get statefulset"*) echo statefulset.apps/redis-cluster ;;
            *"get deployment"*) printf '%s\\n' ${DEPLOYMENTS:-deployment.apps/cached-service} ;;
            *proxy/health) echo OK ;;
            *proxy/ready) echo "${READY:-READY}" ;;
            *health/redis) echo "{\\"status\\":\\"${STATUS:-healthy}\\",\\"redis\\":{}}" ;;
            *"rollout status deployment"*) exit "${ROLLOUT:-0}" ;;
            esac
            """;

    /** As the real one shows an overlay, in part. */
    private static final String RENDERED = """
            apiVersion: v1
            data:
              CACHE_TTL: "300"
            kind: ConfigMap
            metadata:
              name: cached-service
              namespace: holdfast
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: cached-service
              namespace: holdfast
            spec:
              selector:
                app: cached-service
                version: blue
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
        List<String> words =
                new ArrayList<>(List.of("sh", Yamls.DEPLOY.resolve(command[0]).toString()));
        words.addAll(List.of(command).subList(1, command.length));
        return run(more, words);
    }

    private Shell.Output run(Map<String, String> more, List<String> words) {
        Map<String, String> environment = new TreeMap<>(Map.of("RENDERED", RENDERED, "OFF", "", "COLOUR", ""));
        environment.putAll(more);
        environment.put("PATH", dir + ":" + System.getenv("PATH"));
        environment.put("CALLS", calls.toString());
        environment.put("TRIES", "1");
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
    void theAddressOfAlertsIsTakenWhateverItHasAndWhenItHasChanged() throws IOException {
        String address = "https://hooks.example/T1?a=\"b\"&c='d'%s\\n";
        run(Map.of("ALERT_WEBHOOK_URL", address, "SECRETS", "0"), "deploy", "production")
                .mustEndWith(0);
        assertEquals(List.of(), calls("create secret"));
        String patch = Files.readString(Path.of(calls + ".webhook"));
        String encoded = Yamls.text(Yamls.documents(patch).get(0), "data", "alert-webhook-url");
        assertEquals(address, new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8));
        run(Map.of("SECRETS", "0"), "deploy", "production").mustEndWith(0);
        assertEquals(1, calls("patch secret").size());
    }

    @Test
    void podsThatDoNotBecomeReadyFailWithWhatToDo() {
        Shell.Output failed =
                run(Map.of("ROLLOUT", "1"), "deploy", "production").mustEndWith(1);
        assertTrue(failed.err().contains("deploy/rollback holdfast cached-service\n"), failed.err());
    }

    @Test
    void aWorkflowUndoesOnlyWhatWasApplied() throws IOException {
        Path output = Files.createFile(dir.resolve("output"));
        Map<String, String> workflow = Map.of("GITHUB_OUTPUT", output.toString());
        Map<String, String> refused = new TreeMap<>(workflow);
        refused.put("INFRASTRUCTURE", "1");
        run(refused, "deploy", "production").mustEndWith(1);
        assertEquals("", Files.readString(output));
        Map<String, String> notReady = new TreeMap<>(workflow);
        notReady.put("ROLLOUT", "1");
        run(notReady, "deploy", "production").mustEndWith(1);
        assertEquals("applied=true\n", Files.readString(output));
        String steps = Files.readString(Yamls.DEPLOY.resolveSibling(".github/workflows/deploy-to.yml"));
        assertTrue(steps.contains("id: deploy\n"), steps);
        assertTrue(steps.contains("if: failure() && steps.deploy.outputs.applied == 'true'\n"), steps);
    }

    /** What a deployment of the overlay applied as the application. */
    private Overlay applied(String overlay) throws IOException {
        Path folder = Files.createDirectories(dir.resolve("applied"));
        Path base = Yamls.DEPLOY.resolve("k8s").resolve("overlays").toAbsolutePath();
        String live = Files.readString(Path.of(calls + ".live"));
        Files.writeString(folder.resolve("kustomization.yaml"), live.replace("../", base + "/"));
        return Overlay.of(folder, overlay);
    }

    private static List<Object> pods(Overlay overlay) {
        return overlay.kind("Deployment")
                .map(each -> Yamls.at(each, "spec", "template"))
                .toList();
    }

    @Test
    void aDeploymentKeepsTheColourAndTheKillSwitch() throws IOException {
        run(Map.of("COLOUR", "green", "OFF", "false false", "STATUS", "disabled"), "deploy", "blue-green")
                .mustEndWith(0);
        Overlay kept = applied("blue-green");
        assertEquals("green", Yamls.text(kept.one("Service", "cached-service"), "spec", "selector", "version"));
        assertEquals(2, pods(kept).size());
        for (Object pod : pods(kept)) {
            assertTrue(
                    Yamls.list(pod, "spec", "containers", 0, "env")
                            .contains(Map.of("name", "REDIS_ENABLED", "value", "false")),
                    pod.toString());
        }

        run(Map.of(), "deploy", "blue-green").mustEndWith(0);
        Overlay first = applied("blue-green");
        assertEquals("blue", Yamls.text(first.one("Service", "cached-service"), "spec", "selector", "version"));
        assertFalse(pods(first).toString().contains("REDIS_ENABLED"), "as the ConfigMap says");
        String[] left = Yamls.DEPLOY
                .resolve("k8s")
                .resolve("overlays")
                .toFile()
                .list((folder, name) -> name.startsWith(".live"));
        assertEquals(List.of(), List.of(left));
    }

    @Test
    void podsStartAnewWhenTheirConfigurationHasChangedAndElseDoNot() throws IOException {
        List<Object> marks = new ArrayList<>();
        for (String ttl : List.of("300", "300", "60")) {
            run(Map.of("RENDERED", RENDERED.replace("300", ttl)), "deploy", "dev")
                    .mustEndWith(0);
            marks.add(Yamls.at(pods(applied("dev")).get(0), "metadata", "annotations", "holdfast.dev/config"));
        }
        assertEquals(marks.get(0), marks.get(1));
        assertNotEquals(marks.get(0), marks.get(2));
    }

    @Test
    void aRollbackOfOneDeploymentLeavesTheOthers() throws IOException {
        Map<String, String> two =
                Map.of("DEPLOYMENTS", "deployment.apps/cached-service deployment.apps/cached-service-canary");
        Shell.Output which = run(two, "rollback", "holdfast").mustEndWith(2);
        assertTrue(which.err().contains("deployment.apps/cached-service-canary"), which.err());
        assertEquals(List.of(), calls("rollout undo"));
        run(two, "rollback", "holdfast", "cached-service-canary").mustEndWith(0);
        assertEquals(List.of("-n holdfast rollout undo deployment/cached-service-canary"), calls("rollout undo"));
        assertEquals(1, calls("proxy/health").size());
    }

    @Test
    void aDeploymentWithoutARevisionBeforeIsNamedWithWhatToDo() {
        Shell.Output failed = run(Map.of("UNDO", "1"), "rollback", "holdfast", "cached-service-canary")
                .mustEndWith(1);
        assertTrue(failed.err().contains("scale deployment/cached-service-canary --replicas=0"), failed.err());
    }

    @Test
    void aRevisionThatIsUndoneWhileRedisIsOffIsWithoutRedisToo() throws IOException {
        run(Map.of("OFF", "false", "STATUS", "disabled"), "rollback", "holdfast")
                .mustEndWith(0);
        List<String> changes = Files.readAllLines(calls).stream()
                .filter(each -> each.contains("undo") || each.contains("set env"))
                .toList();
        assertEquals(
                List.of(
                        "-n holdfast rollout undo deployment.apps/cached-service",
                        "-n holdfast set env deployment.apps/cached-service REDIS_ENABLED=false"),
                changes);
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
        assertEquals(
                1,
                calls("set env deployment.apps/cached-service REDIS_ENABLED=false")
                        .size());
        assertEquals(List.of(), calls("patch configmap"), "the next deployment would undo that");
    }

    /** Where variables that are not set are errors, from a folder with a space in its name. */
    @Test
    void theyAreStrictAndRunFromAnyFolder() throws IOException {
        Path folder = Files.createDirectories(dir.resolve("a folder"));
        Shell.run(List.of("cp", "-R", Yamls.DEPLOY.toString(), folder.toString()), Map.of())
                .mustEndWith(0);
        for (List<String> words : List.of(
                List.of("deploy", "blue-green"),
                List.of("smoke-test", "holdfast"),
                List.of("rollback", "holdfast"),
                List.of("rollback", "holdfast", "--redis-off"),
                List.of("rollback", "holdfast", "--to", "green"))) {
            List<String> command = new ArrayList<>(List.of(
                    "bash", "-u", "-e", folder.resolve("deploy/" + words.get(0)).toString()));
            command.addAll(words.subList(1, words.size()));
            run(Map.of(), command).mustEndWith(0);
        }
        assertTrue(
                calls("apply -k").get(0).contains("a folder/deploy/k8s"),
                calls("apply -k").toString());
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
