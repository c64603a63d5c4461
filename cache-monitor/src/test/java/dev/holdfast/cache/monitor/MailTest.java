package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.JsonWriter;
import jakarta.mail.MessagingException;
import jakarta.mail.internet.MimeMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Alerts by mail, to a real server of mail on this machine. */
class MailTest {
    private static final Delivery.Pace QUICK = new Delivery.Pace(
            Duration.ofMillis(20), Duration.ofMillis(10), Duration.ofMillis(50), Duration.ofMillis(200));
    private static final Instant SINCE = Instant.parse("2026-11-28T15:00:00Z");

    private final ScheduledExecutorService alarms = Executors.newScheduledThreadPool(1);
    private final GreenMail mail = new GreenMail(new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTP));

    @BeforeEach
    void start() {
        mail.setUser("on-call@example.com", "holdfast", "s3cret+/%");
        mail.start();
    }

    @AfterEach
    void stop() {
        mail.stop();
        alarms.shutdownNow();
    }

    private static MailServer parse(String url) {
        return MailServer.of(Settings.of(Map.of("REDIS_ALERT_SMTP_URL", url))).orElseThrow();
    }

    private String url(String login) {
        return "smtp://" + login + "127.0.0.1:" + mail.getSmtp().getPort()
                + "?from=holdfast@example.com&to=on-call@example.com,boss@example.com";
    }

    private static Transition transition(Transition.Kind kind) {
        Alert alert = new Alert(
                "hit-rate", Severity.CRITICAL, "hitRate", 22.4, 30, "%", "hit rate 22.4 % is below 30 %", SINCE, null);
        return new Transition(
                kind, kind == Transition.Kind.RESOLVED ? alert.resolvedAt(SINCE.plusSeconds(600)) : alert);
    }

    private static void await(Delivery delivery, String part) {
        Await.until(
                Duration.ofSeconds(60),
                () -> part + ", but " + JsonWriter.object(delivery::write),
                () -> JsonWriter.object(delivery::write).contains(part));
    }

    @Test
    void anAlertIsOneMailAndItsEndAnother() throws MessagingException, IOException {
        MailServer server = parse(url("holdfast:s3cret+%2F%25@"));
        try (Delivery delivery =
                new Delivery("test", new MailSender(server, new Payloads("holdfast", "host-1"), alarms), QUICK)) {
            delivery.add(transition(Transition.Kind.FIRING));
            await(delivery, "\"channel\":\"email\",\"delivered\":1,");
            delivery.add(transition(Transition.Kind.RESOLVED));
            await(delivery, "\"delivered\":2,");
        }
        MimeMessage[] received = mail.getReceivedMessages();
        assertEquals(4, received.length, "two mails for two receivers");
        assertEquals(
                List.of(
                        "[holdfast] CRITICAL: hit rate 22.4 % is below 30 %",
                        "[holdfast] RESOLVED: hit rate 22.4 % is below 30 %"),
                Arrays.stream(received).map(MailTest::subject).distinct().toList());
        assertTrue(received[0].getContentType().startsWith("text/plain"), received[0].getContentType());
        assertEquals(
                "Alert: hit-rate\r\nStatus: critical\r\nWhat: hit rate 22.4 % is below 30 %\r\n"
                        + "Since: 2026-11-28T15:00:00.000Z\r\n\r\nHoldfast cache client holdfast on host-1",
                received[0].getContent().toString().strip());
    }

    private static String subject(MimeMessage message) {
        try {
            return message.getSubject();
        } catch (MessagingException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aNameCanAddNoHeader() throws MessagingException {
        Payloads payloads = new Payloads("x\r\nBcc: evil@example.com", "host\r\n\r\nbody");
        Alert alert =
                new Alert("r", Severity.INFO, "m", 1, 2, "", "bad\r\nBcc: evil@example.com\r\n.\r\nQUIT", SINCE, null);
        MailSender sender = new MailSender(parse(url("")), payloads, alarms);
        assertTrue(sender.send(List.of(new Transition(Transition.Kind.FIRING, alert)))
                .taken());
        MimeMessage received = mail.getReceivedMessages()[0];
        assertNull(received.getHeader("Bcc"));
        assertEquals(2, mail.getReceivedMessages().length);
        assertFalse(received.getSubject().contains("\n"), received::toString);
    }

    @Test
    void aUserWhoIsNotBelievedIsNotTriedAgain() {
        MailSender sender = new MailSender(parse(url("holdfast:wrong@")), new Payloads("c", "h"), alarms);
        Sender.Outcome outcome = sender.send(List.of(transition(Transition.Kind.FIRING)));
        assertFalse(outcome.taken() || outcome.mayRepeat(), outcome::toString);
        assertFalse(outcome.error().contains("wrong"), outcome::error);
    }

    @Test
    void aServerThatIsAwayIsTriedAgain() {
        MailSender sender = new MailSender(parse(url("")), new Payloads("c", "h"), alarms);
        mail.stop();
        Sender.Outcome outcome = sender.send(List.of(transition(Transition.Kind.FIRING)));
        assertTrue(!outcome.taken() && outcome.mayRepeat(), outcome::toString);
    }

    /** Each line comes in time, and there is no last one. */
    @Test
    void aServerThatNeverEndsItsAnswerIsGivenUp() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread drips = new Thread(() -> drip(server));
            drips.start();
            MailServer parsed =
                    parse("smtp://127.0.0.1:" + server.getLocalPort() + "?from=a@example.com&to=b@example.com");
            long begin = System.nanoTime();
            Sender.Outcome outcome = new MailSender(parsed, new Payloads("c", "h"), alarms)
                    .send(List.of(transition(Transition.Kind.FIRING)));
            long seconds = (System.nanoTime() - begin) / 1_000_000_000;
            assertTrue(!outcome.taken() && outcome.mayRepeat(), outcome::toString);
            assertTrue(seconds >= 15 && seconds < 40, () -> "given up after " + seconds + " s");
        }
    }

    private static void drip(ServerSocket server) {
        try (Socket socket = server.accept()) {
            while (true) {
                socket.getOutputStream().write("220-and so on\r\n".getBytes(StandardCharsets.US_ASCII));
                LockSupport.parkNanos(100_000_000);
            }
        } catch (IOException e) {
            Thread.currentThread().interrupt(); // the other has gone
        }
    }

    @Test
    void tlsComesFirstWhereItShould() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CompletableFuture<Integer> first = CompletableFuture.supplyAsync(() -> {
                try (Socket socket = server.accept()) {
                    return socket.getInputStream().read();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            MailServer parsed =
                    parse("smtps://127.0.0.1:" + server.getLocalPort() + "?from=a@example.com&to=b@example.com");
            Sender.Outcome outcome = new MailSender(parsed, new Payloads("c", "h"), alarms)
                    .send(List.of(transition(Transition.Kind.FIRING)));
            assertFalse(outcome.taken(), outcome::toString);
            assertEquals(22, first.get(), "a handshake of TLS");
        }
    }

    /** The library resolves the name when it connects: what was asked before may be another address. */
    @Test
    void theVeryAddressIsAskedOf() throws IOException {
        GuardedSockets sockets = new GuardedSockets("mail.example.com", alarms);
        for (String address : List.of("169.254.169.254", "127.0.0.1", "fe80::1")) {
            try (Socket socket = sockets.createSocket()) {
                InetSocketAddress to = new InetSocketAddress(InetAddress.getByName(address), 25);
                assertThrows(UnknownHostException.class, () -> socket.connect(to, 1_000), address);
            }
        }
    }

    @Test
    void toOthersEverythingIsEncrypted() {
        MailServer others = parse("smtp://mail.example.com?from=a@example.com&to=b@example.com");
        assertTrue(others.needsTls());
        assertEquals(587, others.port());
        MailServer first = parse("smtps://u:s3cret@mail.example.com?from=a@example.com&to=b@example.com");
        assertTrue(first.implicitTls() && first.port() == 465);
        assertFalse(first.toString().contains("s3cret"), first::toString);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://u:s3cret@mail.example.com?from=a@example.com&to=b@example.com",
                "smtps://u:s3cret@mail.example.com",
                "smtps://u:s3cret@mail.example.com?from=a@example.com",
                "smtps://u:s3cret@mail.example.com?from=a@example.com&to=",
                "smtps://u:s3cret@mail.example.com?from=a@example.com&to=b%0d%0aBcc:c@example.com",
                "smtps://u:s3cret@mail.example.com:99999?from=a@example.com&to=b@example.com",
                "smtps://u:s3cret@169.254.169.254?from=a@example.com&to=b@example.com",
                "smtps://u:s3cret%zz@mail.example.com?from=a@example.com&to=b@example.com",
            })
    void whatCantBeUsedEndsTheStart(String url) {
        CacheConfigException refused = assertThrows(CacheConfigException.class, () -> parse(url));
        assertTrue(refused.getMessage().startsWith("REDIS_ALERT_SMTP_URL is \"***\", but "), refused::getMessage);
        assertFalse(refused.getMessage().contains("s3cret"), refused::getMessage);
    }
}
