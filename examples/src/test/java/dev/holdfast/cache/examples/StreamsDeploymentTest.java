package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Settings;
import dev.holdfast.streams.StreamsConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** The files of the request/reply example, as far as they can be looked at without a cluster. */
class StreamsDeploymentTest {
    private static final Path OVERLAY = Path.of("..", "deploy", "k8s", "overlays", "streams-demo");
    private static final Path COMPOSE = Path.of("..", "deploy", "compose");

    private static Yaml yaml() {
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        return new Yaml(new SafeConstructor(options));
    }

    private static List<Object> documents(Path file) throws IOException {
        List<Object> all = new ArrayList<>();
        yaml().loadAll(Files.readString(file)).forEach(all::add);
        return all;
    }

    private static List<Path> files() throws IOException {
        try (Stream<Path> list = Files.list(OVERLAY)) {
            return list.filter(file -> file.getFileName().toString().matches("[0-9]{2}-.*\\.yaml"))
                    .sorted()
                    .toList();
        }
    }

    private static List<Object> objects() throws IOException {
        List<Object> all = new ArrayList<>();
        for (Path file : files()) {
            all.addAll(documents(file));
        }
        return all;
    }

    /** What is at a path of names and positions, {@code null} if nothing. */
    private static Object at(Object object, Object... path) {
        Object found = object;
        for (Object step : path) {
            if (found instanceof Map<?, ?> map) {
                found = map.get(step);
            } else if (found instanceof List<?> list && step instanceof Integer index && index < list.size()) {
                found = list.get(index);
            } else {
                return null;
            }
        }
        return found;
    }

    private static List<?> list(Object found) {
        return found == null ? List.of() : (List<?>) found;
    }

    private static Object one(String kind, String name) throws IOException {
        List<Object> found = objects().stream()
                .filter(object -> kind.equals(at(object, "kind")) && name.equals(at(object, "metadata", "name")))
                .toList();
        assertEquals(1, found.size(), kind + " " + name);
        return found.get(0);
    }

    private static List<Object> workloads() throws IOException {
        return objects().stream()
                .filter(object -> List.of("Deployment", "StatefulSet").contains(at(object, "kind")))
                .toList();
    }

    private static boolean selects(Object selector, Object labels) {
        return selector instanceof Map<?, ?> wanted
                && labels instanceof Map<?, ?> had
                && had.entrySet().containsAll(wanted.entrySet());
    }

    @Test
    void theFilesAreAppliedInTheirOrder() throws IOException {
        assertEquals(
                List.of(
                        "00-namespaces.yaml",
                        "01-redis.yaml",
                        "02-config-map.yaml",
                        "03-ingress-service.yaml",
                        "04-proxy-service.yaml",
                        "05-autoscalers.yaml",
                        "06-ingress.yaml",
                        "07-network-policies.yaml",
                        "08-prometheus-config.yaml",
                        "09-prometheus.yaml",
                        "10-grafana.yaml"),
                files().stream().map(file -> file.getFileName().toString()).toList());
        Object kustomization = documents(OVERLAY.resolve("kustomization.yaml")).get(0);
        assertEquals(
                files().stream().map(file -> file.getFileName().toString()).toList(), at(kustomization, "resources"));
        assertEquals("fifo", at(kustomization, "sortOptions", "order"));
    }

    @Test
    void everyObjectIsNamedOnceInANamespaceThatIsMadeFirst() throws IOException {
        List<String> seen = new ArrayList<>();
        for (Object object : objects()) {
            assertNotNull(at(object, "apiVersion"));
            Object namespace = at(object, "metadata", "namespace");
            if (at(object, "kind").equals("Namespace")) {
                namespace = at(object, "metadata", "name");
                assertTrue(List.of("redis-stream-demo", "monitoring").contains(namespace));
            }
            String name = at(object, "kind") + " " + namespace + "/" + at(object, "metadata", "name");
            assertTrue(List.of("redis-stream-demo", "monitoring").contains(namespace), name);
            assertFalse(seen.contains(name), name + " twice");
            seen.add(name);
        }
    }

    @Test
    void everySelectorFindsItsPodsAndEveryPortIsOneOfTheirs() throws IOException {
        for (Object object : objects()) {
            Object namespace = at(object, "metadata", "namespace");
            if (Objects.equals(at(object, "kind"), "Service")) {
                for (Object port : list(at(object, "spec", "ports"))) {
                    assertTrue(
                            workloads().stream()
                                    .filter(each -> namespace.equals(at(each, "metadata", "namespace")))
                                    .filter(each -> selects(at(object, "spec", "selector"), labels(each)))
                                    .flatMap(each -> list(container(each, "ports")).stream())
                                    .anyMatch(each -> at(port, "targetPort").equals(at(each, "name"))),
                            at(object, "metadata", "name") + " " + port);
                }
            }
            if (Objects.equals(at(object, "kind"), "NetworkPolicy")) {
                Object selector = at(object, "spec", "podSelector", "matchLabels");
                assertTrue(
                        selector == null || workloads().stream().anyMatch(each -> selects(selector, labels(each))),
                        "" + object);
            }
        }
        for (Object workload : workloads()) {
            assertTrue(selects(at(workload, "spec", "selector", "matchLabels"), labels(workload)), "" + workload);
        }
        Object backend = at(one("Ingress", "streams"), "spec", "rules", 0, "http", "paths", 0, "backend", "service");
        assertEquals("ingress-service", at(backend, "name"));
        assertEquals(at(one("Service", "ingress-service"), "spec", "ports", 0, "name"), at(backend, "port", "name"));
    }

    private static Object labels(Object workload) {
        return at(workload, "spec", "template", "metadata", "labels");
    }

    private static Object container(Object workload, Object... path) {
        return at(at(workload, "spec", "template", "spec", "containers", 0), path);
    }

    @Test
    void redisIsForTheTwoServicesOnlyAndTheOutsideReachesTheIngressOnly() throws IOException {
        Object redis = one("NetworkPolicy", "redis");
        assertEquals(1, list(at(redis, "spec", "ingress")).size());
        Object from = at(redis, "spec", "ingress", 0, "from", 0, "podSelector", "matchLabels");
        List<Object> clients = workloads().stream()
                .filter(each -> selects(from, labels(each)))
                .map(each -> at(each, "metadata", "name"))
                .toList();
        assertEquals(List.of("ingress-service", "proxy-service"), clients);
        assertEquals(Map.of(), at(one("NetworkPolicy", "default-deny"), "spec", "podSelector"));
        for (Object object : objects()) {
            if (Objects.equals(at(object, "kind"), "NetworkPolicy")) {
                for (Object rule : list(at(object, "spec", "ingress"))) {
                    assertTrue(
                            at(rule, "from") != null
                                    || at(object, "metadata", "name").equals("ingress-service"),
                            "open to all: " + object);
                }
            }
        }
    }

    @Test
    void replicasAndAutoscalersAreThoseOfTheFigures() throws IOException {
        assertEquals(3, at(one("Deployment", "ingress-service"), "spec", "replicas"));
        assertEquals(15, at(one("Deployment", "proxy-service"), "spec", "replicas"));
        scales("ingress-service", 3, 10, "streams_in_flight");
        scales("proxy-service", 15, 30, "streams_lag");
    }

    private static void scales(String name, int least, int most, String metric) throws IOException {
        Object scaler = one("HorizontalPodAutoscaler", name);
        assertEquals(name, at(scaler, "spec", "scaleTargetRef", "name"));
        assertEquals(least, at(scaler, "spec", "minReplicas"));
        assertEquals(most, at(scaler, "spec", "maxReplicas"));
        assertEquals(metric, at(scaler, "spec", "metrics", 0, "external", "metric", "name"));
        assertEquals("cpu", at(scaler, "spec", "metrics", 1, "resource", "name"), "the fallback");
    }

    @Test
    void podsHaveNoMoreRightsThanTheyNeedAndNoImageChangesUnderneath() throws IOException {
        for (Object workload : workloads()) {
            String name = String.valueOf(at(workload, "metadata", "name"));
            Object pod = at(workload, "spec", "template", "spec");
            assertEquals(true, at(pod, "securityContext", "runAsNonRoot"), name);
            assertEquals(false, at(pod, "enableServiceLinks"), name);
            assertEquals(true, container(workload, "securityContext", "readOnlyRootFilesystem"), name);
            assertEquals(false, container(workload, "securityContext", "allowPrivilegeEscalation"), name);
            assertEquals(List.of("ALL"), container(workload, "securityContext", "capabilities", "drop"), name);
            assertNotNull(container(workload, "resources", "limits", "memory"), name);
            assertNotNull(container(workload, "livenessProbe"), name);
            assertNotNull(container(workload, "readinessProbe"), name);
            String image = String.valueOf(container(workload, "image"));
            assertTrue(image.matches(".+:[^:]*[0-9][^:]*"), name + ": " + image);
        }
    }

    /** What the overlay gives both services. */
    private static Map<String, String> overlay() throws IOException {
        Map<String, String> settings = new HashMap<>();
        ((Map<?, ?>) at(one("ConfigMap", "streams"), "data"))
                .forEach((name, value) -> settings.put((String) name, (String) value));
        return settings;
    }

    /** What Compose gives both services. */
    private static Map<String, String> compose() throws IOException {
        Object compose = documents(COMPOSE.resolve("docker-compose.yml")).get(0);
        Map<String, String> settings = new HashMap<>();
        for (String service : List.of("ingress-service", "proxy-service")) {
            Map<String, String> its = new HashMap<>();
            ((Map<?, ?>) at(compose, "services", service, "environment"))
                    .forEach((name, value) -> its.put((String) name, (String) value));
            assertTrue(settings.isEmpty() || settings.equals(its), "both services need the same: " + its);
            settings.putAll(its);
        }
        return settings;
    }

    @Test
    void theSettingsAreReadAndTheGracesFitIntoEachOther() throws IOException {
        Map<String, String> settings = overlay();
        int grace = number(settings, "STREAMS_GRACE");
        assertTrue(grace * 1_000 > number(settings, "PROXY_WORK"));
        assertTrue(grace * 1_000 > number(settings, "REQUEST_LIMIT"), "what is in hand at the end is answered");
        int drain = number(settings, "REQUEST_DRAIN") / 1_000;
        assertTrue(drain >= 3, "the end of a pod is known everywhere first");
        assertTrue(pod("ingress-service") >= drain + grace + 5, "and a process needs a moment to end");
        assertTrue(pod("proxy-service") >= grace + 5);
        for (String service : List.of("ingress-service", "proxy-service")) {
            assertEquals("streams", container(one("Deployment", service), "envFrom", 0, "configMapRef", "name"));
            String main = String.valueOf(container(one("Deployment", service), "args", 0));
            assertTrue(List.of(Ingress.class.getName(), Proxy.class.getName()).contains(main), main);
        }
    }

    private static int pod(String service) throws IOException {
        return (Integer) at(one("Deployment", service), "spec", "template", "spec", "terminationGracePeriodSeconds");
    }

    private static int number(Map<String, String> settings, String name) {
        return Integer.parseInt(Objects.requireNonNull(settings.get(name), name));
    }

    @Test
    void aCallerSurvivesADeadWorkerAtTheEndOfAFullQueue() throws IOException {
        Object workers = documents(COMPOSE.resolve("docker-compose.yml")).get(0);
        answeredWithinTheLimit(compose(), (Integer) at(workers, "services", "proxy-service", "deploy", "replicas"));
        answeredWithinTheLimit(overlay(), (Integer) at(one("Deployment", "proxy-service"), "spec", "replicas"));
    }

    @Test
    void aFullQueueAndTheAnswersOfAWindowAreHalfOfWhatRedisHolds() throws IOException {
        Path file = COMPOSE.resolve("docker-compose.yml");
        Matcher scaled = Pattern.compile("--scale proxy-service=([0-9]+)").matcher(Files.readString(file));
        assertTrue(scaled.find());
        half(
                compose(),
                Integer.parseInt(scaled.group(1)),
                list(at(documents(file).get(0), "services", "redis", "command")));
        half(
                overlay(),
                (Integer) at(one("HorizontalPodAutoscaler", "proxy-service"), "spec", "maxReplicas"),
                list(container(one("StatefulSet", "redis"), "args")));
        Object memory = container(one("StatefulSet", "redis"), "resources", "limits", "memory");
        assertEquals("2Gi", memory, "twice as much, since a rewrite of the file copies what changes meanwhile");
    }

    private static void half(Map<String, String> settings, int mostProxies, List<?> redis) {
        StreamsConfig config = StreamsConfig.from(Settings.of(settings));
        long window = number(settings, "STREAMS_REPLY_WINDOW");
        assertTrue(window * 1_000 > number(settings, "REQUEST_LIMIT"), "who asks again finds the answer");
        assertTrue(window * 1_000 >= 2L * number(settings, "STREAMS_CLAIM_IDLE"), "or no worker starts");
        long rate = 1_000L * mostProxies * number(settings, "PROXY_TERMINALS") / number(settings, "PROXY_WORK");
        long filled = (config.maxQueueLength() + rate * window) * config.maxPayloadBytes();
        String memory = String.valueOf(redis.get(redis.indexOf("--maxmemory") + 1));
        long bytes = memory.endsWith("gb")
                ? Long.parseLong(memory.replace("gb", "")) << 30
                : Long.parseLong(memory.replace("mb", "")) << 20;
        assertTrue(filled <= bytes / 2, filled + " of " + bytes);
    }

    @Test
    void whoAsksForSignsOfLifeAsksThePortThatHasThem() throws IOException {
        for (String service : List.of("ingress-service", "proxy-service")) {
            Object workload = one("Deployment", service);
            Object health = list(container(workload, "ports")).stream()
                    .filter(port -> "health".equals(at(port, "name")))
                    .findFirst()
                    .orElseThrow();
            Object port = at(health, "containerPort");
            assertTrue(
                    list(container(workload, "env"))
                            .contains(Map.of("name", "HEALTH_PORT", "value", String.valueOf(port))),
                    service);
            assertEquals(Map.of("path", "/health", "port", "health"), container(workload, "livenessProbe", "httpGet"));
            assertEquals(Map.of("path", "/health", "port", "health"), container(workload, "startupProbe", "httpGet"));
            assertEquals(Map.of("path", "/ready", "port", "health"), container(workload, "readinessProbe", "httpGet"));
            assertEquals(
                    String.valueOf(port),
                    at(workload, "spec", "template", "metadata", "annotations", "prometheus.io/port"));
            String scraped = String.valueOf(at(one("ConfigMap", "prometheus-config"), "data", "prometheus.yml"));
            assertTrue(scraped.contains("\"$1:" + port + "\""), scraped);
            assertEquals(port, at(one("NetworkPolicy", "redis-clients"), "spec", "ingress", 0, "ports", 0, "port"));
            assertEquals(String.valueOf(port), compose().get("HEALTH_PORT"));
            Object targets =
                    documents(COMPOSE.resolve("streams-prometheus.yml")).get(0);
            assertEquals(port, at(targets, "scrape_configs", 0, "dns_sd_configs", 0, "port"));
        }
    }

    private static void answeredWithinTheLimit(Map<String, String> settings, int proxies) {
        assertEquals(List.of(), ServiceVariables.warnings(settings.keySet()));
        StreamsConfig config = StreamsConfig.from(Settings.of(settings));
        long work = number(settings, "PROXY_WORK");
        long claimIdle = number(settings, "STREAMS_CLAIM_IDLE");
        long limit = number(settings, "REQUEST_LIMIT");
        long wait = config.maxQueueLength() * work / ((long) proxies * number(settings, "PROXY_TERMINALS"));
        assertEquals(claimIdle, config.claimIdle().toMillis());
        assertTrue(limit > wait + 2 * claimIdle + work, limit + " > " + wait + " + 2 * " + claimIdle + " + " + work);
    }

    @Test
    void theLoadTestAndTheDocumentHaveTheFiguresOfTheFiles() throws IOException {
        String limit = overlay().get("REQUEST_LIMIT");
        assertEquals(limit, compose().get("REQUEST_LIMIT"));
        String idle = overlay().get("STREAMS_CLAIM_IDLE");
        assertEquals(idle, compose().get("STREAMS_CLAIM_IDLE"));
        String docs = Files.readString(Path.of("..", "docs", "streams.md"));
        assertTrue(
                docs.contains("`REQUEST_LIMIT=" + limit + "`, `STREAMS_CLAIM_IDLE=" + idle + "`"), "docs/streams.md");
        Path loadTest = Path.of("..", "deploy", "load-test");
        Matcher timeout = Pattern.compile("\"timeout\", ([0-9]+)")
                .matcher(Files.readString(loadTest.resolve("LoadTestUnified.java")));
        assertTrue(timeout.find() && Integer.parseInt(timeout.group(1)) * 1_000 > Integer.parseInt(limit));
        for (String script : List.of("load-test-unified.sh", "load-test-unified.ps1")) {
            assertTrue(Files.readString(loadTest.resolve(script)).contains("-Timeout " + timeout.group(1)), script);
        }
    }

    @Test
    void theMetricsTheAutoscalersAskForAreMadeByTheAdapterAndItReachesPrometheus() throws IOException {
        Object adapter =
                documents(OVERLAY.resolve("prometheus-adapter-values.yaml")).get(0);
        List<Object> made = new ArrayList<>();
        for (Object rule : list(at(adapter, "rules", "external"))) {
            made.add(at(rule, "name", "as"));
            assertEquals("{__name__=\"" + at(rule, "name", "as") + "\"}", at(rule, "seriesQuery"));
            // The series have no label of the HPA's namespace.
            assertEquals(false, at(rule, "resources", "namespaced"));
        }
        List<Object> asked = new ArrayList<>();
        for (String name : List.of("ingress-service", "proxy-service")) {
            asked.add(at(one("HorizontalPodAutoscaler", name), "spec", "metrics", 0, "external", "metric", "name"));
        }
        assertEquals(asked, made);
        assertEquals(
                List.of("ALL"), at(adapter, "securityContext", "capabilities", "drop"), "restricted as its namespace");
        assertEquals(
                "restricted",
                at(one("Namespace", "monitoring"), "metadata", "labels", "pod-security.kubernetes.io/enforce"));
        Object prometheus = one("Service", "prometheus");
        assertEquals("http://prometheus.monitoring.svc", at(adapter, "prometheus", "url"));
        assertEquals(at(prometheus, "spec", "ports", 0, "port"), at(adapter, "prometheus", "port"));
        List<?> admitted = list(at(one("NetworkPolicy", "to-prometheus"), "spec", "ingress", 0, "from"));
        assertTrue(
                admitted.contains(Map.of(
                        "podSelector", Map.of("matchLabels", Map.of("app.kubernetes.io/name", "prometheus-adapter")))),
                "" + admitted);
        assertTrue(admitted.contains(Map.of("podSelector", Map.of("matchLabels", Map.of("app", "grafana")))));
    }

    @Test
    void aRedisThatIsReplacedIsFoundAtOnce() throws IOException {
        Matcher url = Pattern.compile("redis://([a-z-]+)\\.redis-stream-demo\\.svc\\.cluster\\.local:6379")
                .matcher(String.valueOf(overlay().get("REDIS_URL")));
        assertTrue(url.matches(), url.toString());
        Object service = one("Service", url.group(1));
        assertNull(at(service, "spec", "clusterIP"), "a headless one's address is another, and kept by resolvers");
        Object governing = one("Service", String.valueOf(at(one("StatefulSet", "redis"), "spec", "serviceName")));
        assertEquals("None", at(governing, "spec", "clusterIP"));
        assertEquals(at(governing, "spec", "selector"), at(service, "spec", "selector"));
        String dockerfile = Files.readString(COMPOSE.resolve("streams.Dockerfile"));
        String docs = Files.readString(Path.of("..", "docs", "streams.md"));
        for (String property : List.of("-Dsun.net.inetaddr.ttl=1", "-Dsun.net.inetaddr.negative.ttl=1")) {
            assertTrue(dockerfile.contains('"' + property + '"'), dockerfile);
            assertTrue(docs.contains(property), "docs/streams.md");
        }
    }

    @Test
    void theImageHoldsNoBuildOfAnotherAndEndsWhenItsHeapIsFull() throws IOException {
        String dockerfile = Files.readString(COMPOSE.resolve("streams.Dockerfile"));
        assertTrue(dockerfile.contains("\"-XX:+ExitOnOutOfMemoryError\""), dockerfile);
        List<String> ignored = Files.readAllLines(Path.of("..", ".dockerignore"));
        assertTrue(ignored.containsAll(List.of("**/target", ".git")), "" + ignored);
        assertFalse(ignored.contains(".mvn"), "the build's JVM options");
        assertNotNull(at(one("Ingress", "streams"), "spec", "ingressClassName"));
        String docs = Files.readString(Path.of("..", "docs", "streams.md"));
        String image = String.valueOf(container(one("Deployment", "proxy-service"), "image"));
        assertTrue(docs.contains("docker build -f deploy/compose/streams.Dockerfile -t " + image + " ."), image);
        // Before the pods that need them.
        int namespaces = docs.indexOf("kubectl apply -f deploy/k8s/overlays/streams-demo/00-namespaces.yaml");
        int secret = docs.indexOf("kubectl -n monitoring create secret generic grafana --from-literal=password=");
        int all = docs.indexOf("kubectl apply -k deploy/k8s/overlays/streams-demo");
        assertTrue(namespaces >= 0 && namespaces < secret && secret < all, namespaces + " " + secret + " " + all);
    }

    @Test
    void whatMonitoringAsksForIsWhatTheServicesShow() throws IOException {
        String shown = Files.readString(
                Path.of("src", "main", "java", "dev", "holdfast", "cache", "examples", "StreamMetrics.java"));
        for (String file : List.of(
                "05-autoscalers.yaml",
                "08-prometheus-config.yaml",
                "10-grafana.yaml",
                "prometheus-adapter-values.yaml")) {
            Pattern.compile("\\bstreams_[a-z_]+")
                    .matcher(Files.readString(OVERLAY.resolve(file)))
                    .results()
                    .forEach(name -> assertTrue(shown.contains('"' + name.group() + '"'), file + ": " + name.group()));
        }
        Object config =
                yaml().load(String.valueOf(at(one("ConfigMap", "prometheus-config"), "data", "prometheus.yml")));
        assertEquals("streams", at(config, "scrape_configs", 0, "job_name"));
        Object rules = yaml().load(String.valueOf(at(one("ConfigMap", "prometheus-config"), "data", "rules.yml")));
        assertEquals(4, list(at(rules, "groups", 0, "rules")).size());
        // JSON is YAML.
        Object dashboard = yaml().load(String.valueOf(at(one("ConfigMap", "grafana-config"), "data", "streams.json")));
        assertEquals(6, list(at(dashboard, "panels")).size());
    }

    @Test
    void composeStartsTheWholeOfIt() throws IOException {
        Object compose = documents(COMPOSE.resolve("docker-compose.yml")).get(0);
        Map<?, ?> services = (Map<?, ?>) at(compose, "services");
        assertEquals(
                List.of("redis", "ingress-service", "proxy-service", "prometheus", "grafana"),
                List.copyOf(services.keySet()));
        assertTrue(Files.exists(COMPOSE.resolve("streams.Dockerfile")));
        for (String service : List.of("ingress-service", "proxy-service")) {
            assertEquals("deploy/compose/streams.Dockerfile", at(services, service, "build", "dockerfile"));
            String grace = String.valueOf(at(services, service, "stop_grace_period"));
            assertTrue(Integer.parseInt(grace.replace("s", "")) >= 5 + number(compose(), "STREAMS_GRACE"), grace);
        }
        List<String> mounted = new ArrayList<>();
        for (String service : List.of("prometheus", "grafana")) {
            for (Object volume : list(at(services, service, "volumes"))) {
                Path file = COMPOSE.resolve(String.valueOf(volume).replaceFirst(":.*", ""));
                assertEquals(1, documents(file).size());
                mounted.add(file.getFileName().toString());
            }
        }
        assertEquals(
                List.of(
                        "streams-prometheus.yml",
                        "streams-grafana.yml",
                        "streams-grafana-dashboards.yml",
                        "streams-grafana-dashboard.json"),
                mounted);
        assertEquals(
                yaml().load(String.valueOf(at(one("ConfigMap", "grafana-config"), "data", "streams.json"))),
                documents(COMPOSE.resolve("streams-grafana-dashboard.json")).get(0),
                "the same dashboard as in Kubernetes");
    }
}
