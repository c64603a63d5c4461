package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.JsonWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Alerts on their way, to a receiver on this machine that takes, refuses, hangs or drips. */
class DeliveryTest {
    private static final Instant SINCE = Instant.parse("2026-11-28T15:00:00Z");
    private static final Delivery.Pace QUICK = new Delivery.Pace(
            Duration.ofMillis(20), Duration.ofMillis(10), Duration.ofMillis(50), Duration.ofMillis(200));
    private static final Delivery.Pace HASTY =
            new Delivery.Pace(Duration.ofMillis(20), Duration.ofMillis(1), Duration.ofMillis(1), Duration.ofMillis(50));

    private final List<String> bodies = new CopyOnWriteArrayList<>();
    private final List<Long> times = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private HttpServer receiver;
    private volatile Answer answer = (exchange, number) -> respond(exchange, 200);

    private interface Answer {
        void to(HttpExchange exchange, int number) throws IOException;
    }

    @BeforeEach
    void start() throws IOException {
        receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        receiver.setExecutor(threads);
        receiver.createContext("/", exchange -> {
            try (exchange) {
                times.add(System.nanoTime());
                bodies.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                answer.to(exchange, bodies.size());
            }
        });
        receiver.start();
    }

    @AfterEach
    void stop() {
        threads.shutdownNow();
        receiver.stop(0);
    }

    private static void respond(HttpExchange exchange, int status) throws IOException {
        exchange.sendResponseHeaders(status, -1);
    }

    private Webhook webhook(String type) {
        return Webhook.of(Settings.of(Map.of(
                        "REDIS_ALERT_WEBHOOK_URL",
                        "http://127.0.0.1:" + receiver.getAddress().getPort() + "/services/T0/B0/s3cret",
                        "REDIS_ALERT_WEBHOOK_TYPE",
                        type,
                        "REDIS_ALERT_PAGERDUTY_KEY",
                        "k".repeat(32))))
                .orElseThrow();
    }

    private Delivery delivery(String type, Delivery.Pace pace) {
        return new Delivery("test", new HttpSender(webhook(type), new Payloads("holdfast", "host-1")), pace);
    }

    private static Transition transition(Transition.Kind kind, String id) {
        Alert alert = new Alert(
                id, Severity.CRITICAL, "hitRate", 22.4, 30, "%", "cache hit rate 22.4 % is below 30 %", SINCE, null);
        boolean over = kind == Transition.Kind.RESOLVED;
        return new Transition(kind, over ? alert.resolvedAt(SINCE.plusSeconds(600)) : alert);
    }

    private static Transition firing(String id) {
        return transition(Transition.Kind.FIRING, id);
    }

    private static Transition resolved(String id) {
        return transition(Transition.Kind.RESOLVED, id);
    }

    private static String state(Delivery delivery) {
        return JsonWriter.object(delivery::write);
    }

    private static void await(Delivery delivery, String part) {
        Await.until(Duration.ofSeconds(60), () -> part + ", but " + state(delivery), () -> state(delivery)
                .contains(part));
    }

    @ParameterizedTest
    @EnumSource(Webhook.Type.class)
    void whatIsSentHasTheFormThatItsReceiverReads(Webhook.Type type) {
        try (Delivery delivery = delivery(type.word(), QUICK)) {
            delivery.add(firing("hit-rate"));
            await(delivery, "\"delivered\":1");
            delivery.add(resolved("hit-rate"));
            await(delivery, "\"delivered\":2");
        }
        assertEquals(golden(type.word() + ".txt"), String.join("\n", bodies) + "\n");
    }

    private static String golden(String name) {
        try {
            return Files.readString(Path.of("src/test/resources/golden", name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void whatFailsIsSentAgainInOrder() {
        answer = (exchange, number) -> respond(exchange, number <= 2 ? 500 : 200);
        try (Delivery delivery = delivery("json", QUICK)) {
            delivery.add(firing("one"));
            delivery.add(firing("two"));
            await(delivery, "\"delivered\":2");
        }
        assertEquals(4, bodies.size());
        assertTrue(
                bodies.get(2).contains("\"id\":\"one\"") && bodies.get(3).contains("\"id\":\"two\""), bodies::toString);
    }

    @Test
    void aReceiverThatAsksForTimeIsGivenIt() {
        answer = (exchange, number) -> {
            exchange.getResponseHeaders().set("Retry-After", "3");
            respond(exchange, number == 1 ? 429 : 200);
        };
        try (Delivery delivery = delivery("json", QUICK)) {
            delivery.add(firing("one"));
            await(delivery, "\"delivered\":1");
        }
        long millis = (times.get(1) - times.get(0)) / 1_000_000;
        assertTrue(millis >= 3_000, () -> "sent again after " + millis + " ms");
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 302, 404})
    void whatIsRefusedIsNotRepeatedAndNobodyIsFollowed(int status) {
        answer = (exchange, number) -> {
            exchange.getResponseHeaders().set("Location", "/elsewhere");
            respond(exchange, number == 1 ? status : 200);
        };
        try (Delivery delivery = delivery("json", QUICK)) {
            delivery.add(firing("one"));
            await(delivery, "\"failed\":1");
            assertTrue(state(delivery).contains("\"lastError\":\"HTTP " + status + "\""), () -> state(delivery));
            delivery.add(resolved("one"));
            delivery.add(firing("two"));
            await(delivery, "\"delivered\":1");
        }
        assertEquals(2, bodies.size(), "that one is over is not said, since it was not said that it fires");
    }

    @Test
    void aReceiverThatWasGivenUpLearnsWhatFiresWhenItIsBack() {
        answer = (exchange, number) -> respond(exchange, number <= 13 ? 503 : 200);
        try (Delivery delivery = delivery("json", HASTY)) {
            delivery.add(firing("one"));
            await(delivery, "\"delivered\":1,\"failed\":2,");
            delivery.add(resolved("one"));
            await(delivery, "\"delivered\":2,");
        }
        assertEquals(15, bodies.size(), "six times, six times, and then what was refused once more");
        assertTrue(bodies.get(14).contains("\"status\":\"resolved\""), bodies::toString);
    }

    @Test
    void whatIsOverBeforeTheReceiverIsBackIsNotToldAndWhatFiresIs() {
        AtomicBoolean back = new AtomicBoolean();
        answer = (exchange, number) -> respond(exchange, back.get() ? 200 : 503);
        try (Delivery delivery = delivery("json", HASTY)) {
            delivery.add(firing("short"));
            delivery.add(firing("long"));
            await(delivery, "\"failed\":2,");
            delivery.add(resolved("short"));
            await(delivery, "\"pending\":1,");
            int before = bodies.size();
            back.set(true);
            await(delivery, "\"delivered\":1,");
            List<String> since = bodies.subList(before, bodies.size());
            assertTrue(since.stream().allMatch(body -> body.contains("\"id\":\"long\"")), since::toString);
        }
    }

    @Test
    void thatAnAlertIsOverIsOwedToWhomWasToldThatItFires() {
        answer = (exchange, number) -> respond(exchange, number > 1 && number <= 8 ? 503 : 200);
        try (Delivery delivery = delivery("pagerduty", HASTY)) {
            delivery.add(transition(Transition.Kind.FLAPPING, "one"));
            await(delivery, "\"delivered\":1,");
            delivery.add(resolved("one"));
            await(delivery, "\"delivered\":2,\"failed\":1,");
        }
        assertTrue(bodies.get(0).contains("\"event_action\":\"trigger\""), bodies::toString);
        assertTrue(bodies.get(bodies.size() - 1).contains("\"event_action\":\"resolve\""), bodies::toString);
    }

    @Test
    void aReceiverThatHangsOrDripsIsGivenUpAfterTenSeconds() {
        answer = (exchange, number) -> {
            if (number == 1) {
                LockSupport.parkNanos(Duration.ofSeconds(60).toNanos());
            }
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            while (number == 2 && !Thread.currentThread().isInterrupted()) {
                out.write('x');
                out.flush();
                LockSupport.parkNanos(50_000_000);
            }
        };
        try (Delivery delivery = delivery("json", QUICK)) {
            delivery.add(firing("one"));
            await(delivery, "\"delivered\":1");
            long hung = (times.get(1) - times.get(0)) / 1_000_000;
            assertTrue(hung >= 9_000 && hung < 20_000, () -> "given up after " + hung + " ms");
            long dripped = (times.get(2) - times.get(1)) / 1_000_000;
            assertTrue(dripped >= 9_000 && dripped < 20_000, () -> "given up after " + dripped + " ms");
        }
    }

    @Test
    void aDeadReceiverCostsAHundredPlaces() {
        receiver.stop(0);
        try (Delivery delivery = delivery("json", QUICK)) {
            long begin = System.nanoTime();
            for (int i = 0; i < 10_000; i++) {
                delivery.add(firing("rule-" + i));
            }
            long millis = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(millis < 5_000, () -> "the one who has something to say waited " + millis + " ms");
            assertTrue(state(delivery).matches(".*\"pending\":(9[0-9]|10[01]),.*"), () -> state(delivery));
            begin = System.nanoTime();
            delivery.close();
            long closed = (System.nanoTime() - begin) / 1_000_000;
            assertTrue(closed < 3_000, () -> "closing took " + closed + " ms");
        }
    }

    @Test
    void ofAnAlertThatWaitsOnlyTheNewestStateIsSent() {
        Delivery.Pace slow = new Delivery.Pace(
                Duration.ofSeconds(1), Duration.ofMillis(10), Duration.ofMillis(50), Duration.ofMillis(200));
        try (Delivery delivery = delivery("slack", slow)) {
            delivery.add(firing("short"));
            delivery.add(resolved("short"));
            delivery.add(firing("long"));
            delivery.add(transition(Transition.Kind.CHANGED, "long"));
            delivery.add(firing("other"));
            await(delivery, "\"delivered\":2");
        }
        assertEquals(1, bodies.size(), "what comes within the time goes as one message");
        assertFalse(bodies.get(0).contains("short"), bodies::toString);
        assertTrue(bodies.get(0).contains("(and 1 more)"), bodies::toString);
    }

    @Test
    void closingSendsWhatWaitsAtOnce() {
        Delivery delivery = delivery("json", Delivery.Pace.USUAL);
        delivery.add(firing("one"));
        long begin = System.nanoTime();
        delivery.close();
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(millis < 2_500, () -> "closing took " + millis + " ms");
        assertEquals(1, bodies.size());
    }

    @Test
    void closingSeveralTakesNoLongerThanClosingOneAndLeavesNoThread() {
        answer = (exchange, number) ->
                LockSupport.parkNanos(Duration.ofSeconds(60).toNanos());
        List<Delivery> both = List.of(delivery("json", HASTY), delivery("slack", HASTY));
        both.forEach(each -> each.add(firing("one")));
        Await.until(Duration.ofSeconds(20), () -> "two who wait, but " + bodies.size(), () -> bodies.size() == 2);
        long begin = System.nanoTime();
        Delivery.close(both);
        long millis = (System.nanoTime() - begin) / 1_000_000;
        assertTrue(millis < 3_500, () -> "closing took " + millis + " ms");
        Await.until(
                Duration.ofSeconds(5), () -> "an end of the threads", () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().equals("test-delivery")));
    }

    @Test
    void whatFailsInTheLibraryThatSendsIsCountedAndTheNextIsSent() {
        AtomicBoolean broken = new AtomicBoolean(true);
        Sender sender = new Sender() {
            @Override
            public String channel() {
                return "broken";
            }

            @Override
            public boolean takesSeveral() {
                return false;
            }

            @Override
            public Outcome send(List<Transition> message) {
                if (broken.getAndSet(false)) {
                    throw new NoClassDefFoundError("of a library");
                }
                return Outcome.TAKEN;
            }

            @Override
            public void cancel() {}
        };
        try (Delivery delivery = new Delivery("test", sender, HASTY)) {
            delivery.add(firing("one"));
            await(delivery, "\"failed\":1,\"pending\":0,\"dropped\":0,\"lastError\":\"NoClassDefFoundError\"");
            delivery.add(firing("two"));
            await(delivery, "\"delivered\":1,");
        }
    }

    @Test
    void howeverLongNamesAreIncidentsAreToldApartAndReceiversTakeThem() {
        Payloads payloads = new Payloads("\ud83d\ude80".repeat(700), "h".repeat(253));
        List<String> keys = new ArrayList<>();
        for (String rule : List.of("hit-rate", "memory")) {
            String body = payloads.of(webhook("pagerduty"), List.of(firing(rule)));
            keys.add(field(body, "dedup_key"));
            assertTrue(unescaped(field(body, "summary")).length() <= 1_024, body);
            assertEquals(
                    keys.get(keys.size() - 1),
                    field(payloads.of(webhook("pagerduty"), List.of(resolved(rule))), "dedup_key"));
        }
        assertEquals(2, keys.stream().distinct().count(), keys::toString);
        for (String key : keys) {
            assertTrue(unescaped(key).length() <= 255, key);
            assertFalse(unescaped(key).matches(".*[\ud800-\udbff](?![\udc00-\udfff]).*"), key);
        }
        String slack = payloads.of(webhook("slack"), List.of(firing("hit-rate")));
        assertTrue(slack.length() < 12_000, slack);
    }

    private static String field(String json, String name) {
        Matcher matcher = Pattern.compile('"' + name + "\":\"([^\"]*)\"").matcher(json);
        assertTrue(matcher.find(), json);
        return matcher.group(1);
    }

    private static String unescaped(String json) {
        return Pattern.compile("\\\\u([0-9a-f]{4})")
                .matcher(json)
                .replaceAll(each -> Character.toString((char) Integer.parseInt(each.group(1), 16)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"REDIS_ALERT_WEBHOOK_TYPE", "REDIS_ALERT_PAGERDUTY_KEY"})
    void howWithoutWhereEndsTheStart(String variable) {
        Settings settings = Settings.of(Map.of(variable, "pagerduty"));
        CacheConfigException refused = assertThrows(CacheConfigException.class, () -> Webhook.of(settings));
        assertTrue(
                refused.getMessage().startsWith(variable + " is set, but REDIS_ALERT_WEBHOOK_URL is not"),
                refused::getMessage);
    }

    @Test
    void nobodyIsMentionedByAName() {
        Transition transition = firing("hit-rate");
        String body = new Payloads("<!channel>&", "host\r\n1").of(webhook("slack"), List.of(transition));
        assertFalse(body.contains("<!channel>"), body);
        assertTrue(body.contains("&lt;!channel&gt;&amp;"), body);
        assertFalse(body.contains("\n"), body);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://hooks.example.com/x",
                "ftp://hooks.example.com/x",
                "https://user:secret@hooks.example.com/x",
                "https://169.254.169.254/latest",
                "https://2852039166/latest",
                "https://0xA9FEA9FE/latest",
                "https://0251.0376.0251.0376/latest",
                "https://[::ffff:169.254.169.254]/latest",
                "https://[64:ff9b::a9fe:a9fe]/latest",
                "https://[fd00:ec2::254]/latest",
                "https://[fd20:ce::254]/latest",
                "https://[64:ff9b::a9fe:aa02]/credentials",
                "https://[2002:a9fe:a9fe::1]/latest",
                "https://[::7f00:1]/x",
                "https://[64:ff9b::7f00:1]/x",
                "https://100.100.100.200/latest",
                "https://192.0.0.192/latest",
                "https://168.63.129.16/machine",
                "https://169.254.169.254./latest",
                "https://%31%36%39.254.169.254/latest",
                "https://[fe80::1]/x",
                "https://hooks.example.com:99999/x",
                "https://hooks.example.com:0/x",
                "https://0.0.0.0/x",
                "https://224.0.0.1/x",
                "https:///x",
                "not a url"
            })
    void anAddressThatMustNotBeSentToEndsTheStart(String address) {
        Settings settings = Settings.of(Map.of("REDIS_ALERT_WEBHOOK_URL", address));
        CacheConfigException refused = assertThrows(CacheConfigException.class, () -> Webhook.of(settings));
        assertTrue(refused.getMessage().startsWith("REDIS_ALERT_WEBHOOK_URL is "), refused::getMessage);
        assertFalse(refused.getMessage().contains(address), refused::getMessage);
        assertFalse(refused.getMessage().contains("secret"), refused::getMessage);
    }

    @Test
    void aNameIsJudgedByTheAddressThatItResolvesTo() throws IOException {
        Webhook webhook = Webhook.of(Settings.of(Map.of("REDIS_ALERT_WEBHOOK_URL", "https://hooks.example.com/x")))
                .orElseThrow();
        List<String> refused = new ArrayList<>();
        for (String address : List.of("169.254.169.254", "127.0.0.1", "10.0.0.1", "93.184.216.34", "::1", "fe80::1")) {
            if (!Destinations.mayConnect(
                    InetAddress.getByName(address), webhook.address().getHost())) {
                refused.add(address);
            }
        }
        assertEquals(List.of("169.254.169.254", "127.0.0.1", "::1", "fe80::1"), refused);
        assertFalse(
                Destinations.mayConnect(InetAddress.getByName("93.184.216.34"), "localhost"),
                "what is to stay on this machine does, whatever the resolver says");
        assertEquals("json at hooks.example.com", webhook.toString());
    }

    @Test
    void aNameThatResolvesToThisMachineIsNotConnectedTo() {
        Webhook webhook = Webhook.of(Settings.of(Map.of("REDIS_ALERT_WEBHOOK_URL", "https://hooks.example.com/x")))
                .orElseThrow();
        HttpSender sender = new HttpSender(webhook, new Payloads("c", "h"));
        // The JDK's resolver takes figures for the address, without a network.
        assertThrows(UnknownHostException.class, () -> sender.resolve("2130706433"));
        assertThrows(UnknownHostException.class, () -> sender.resolve("2852039166"));
    }
}
