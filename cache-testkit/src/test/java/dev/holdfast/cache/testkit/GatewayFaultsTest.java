package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

class GatewayFaultsTest extends GatewayFixture {
    private static final String INCR = "[\"INCR\",\"n\"]";
    private static final String PIPELINE = "[[\"SET\",\"a\",\"b\"],[\"GET\",\"a\"],[\"INCR\",\"n\"]]";

    @Test
    void answersInPlaceOfExecution() throws IOException {
        GatewayFaults faults = gateway.faults();
        faults.next(Fault.status(429, "{\"error\":\"slow down\"}").withHeader("Retry-After", "7"));
        WireClient.Answer answer = post("/", INCR);
        assertEquals("429 {\"error\":\"slow down\"}", answer.toString());
        assertEquals("7", answer.headers().get("retry-after"));
        faults.next(Fault.html(502));
        assertTrue(post("/", INCR).headers().get("content-type").startsWith("text/html"));
        faults.next(Fault.empty(503));
        assertEquals("503 ", post("/", INCR).toString());
        faults.next(Fault.error("ERR \"quota\""));
        assertEquals("200 {\"error\":\"ERR \\\"quota\\\"\"}", post("/", INCR).toString());
        faults.next(Fault.redirect("http://127.0.0.1:1/"));
        assertEquals("http://127.0.0.1:1/", post("/", INCR).headers().get("location"));
        faults.next(Fault.resetBefore());
        assertThrows(SocketException.class, () -> post("/", INCR));
        assertTrue(faults.isUsedUp());
        assertEquals(0, gateway.executed());
        assertEquals("200 {\"result\":1}", post("/", INCR).toString());
    }

    @Test
    void whatWasExecutedIsCounted() throws IOException {
        gateway.faults().next(2, Fault.resetAfter());
        assertThrows(SocketException.class, () -> post("/", INCR));
        assertThrows(SocketException.class, () -> post("/pipeline", PIPELINE));
        assertEquals("200 {\"result\":3}", post("/", INCR).toString());
        assertEquals(3, gateway.executed("incr"));
        assertEquals(5, gateway.executed());
        assertEquals(3, gateway.requests());
    }

    @Test
    void aFaultMayBeMeantForOnePath() throws IOException {
        gateway.faults().next(1, "/pipeline", Fault.empty(500));
        gateway.faults().always("/get", Fault.empty(501));
        assertEquals(200, post("/", INCR).status());
        assertEquals(500, post("/pipeline", PIPELINE).status());
        assertEquals(200, post("/pipeline", PIPELINE).status());
        assertEquals(501, post("/get/a", "").status());
        assertEquals(501, post("/get/a?x", "").status());
        assertEquals(200, post("/getdel/a", "").status());
        gateway.faults().clear();
        assertEquals(200, post("/get/a", "").status());
    }

    @Test
    void aFaultMayBeMeantForRequestsThatMeetACondition() throws IOException {
        gateway.faults().always(request -> request.body().contains("poison"), Fault.resetBefore());
        gateway.faults().next(Fault.empty(500));
        assertThrows(SocketException.class, () -> post("/", "[\"GET\",\"poison\"]"));
        assertEquals(500, post("/", INCR).status());
        assertEquals(200, post("/", INCR).status());
        assertThrows(SocketException.class, () -> post("/", "[\"GET\",\"poison\"]"));
        assertTrue(gateway.faults().isUsedUp());
        gateway.faults().clear();
        assertEquals(200, post("/", "[\"GET\",\"poison\"]").status());
    }

    @Test
    void theBodyIsCutOff() throws IOException {
        gateway.faults().next(Fault.truncatedBody());
        EOFException cut = assertThrows(EOFException.class, () -> post("/", INCR));
        assertEquals("closed after 6 of 12 bytes", cut.getMessage());
        assertEquals(1, gateway.executed("INCR"));
    }

    @Test
    void arraysHaveTheWrongLength() throws IOException {
        gateway.faults().next(Fault.wrongArrayLength(-1));
        assertEquals(
                "200 [{\"result\":\"OK\"},{\"result\":\"b\"}]",
                post("/pipeline", PIPELINE).toString());
        gateway.faults().next(Fault.wrongArrayLength(1));
        assertEquals(
                "200 [{\"result\":\"OK\"},{\"result\":\"b\"},{\"result\":2},{\"result\":2}]",
                post("/pipeline", PIPELINE).toString());
        gateway.faults().next(Fault.wrongArrayLength(-2));
        assertEquals(
                "200 {\"result\":[\"b\"]}",
                post("/", "[\"mget\",\"a\",\"x\",\"n\"]").toString());
        gateway.faults().next(Fault.wrongArrayLength(1));
        assertEquals("200 {\"result\":3}", post("/", INCR).toString());
    }

    @Test
    void base64IsGarbled() throws IOException {
        gateway.faults().next(Fault.garbageBase64());
        assertEquals(
                "200 [{\"result\":\"%not*base64!\"},{\"result\":\"%not*base64!\"},{\"result\":1}]",
                post("/pipeline", PIPELINE, BASE64).toString());
    }

    @Test
    void theAnswerDripsOrComesLate() throws IOException {
        gateway.faults().next(Fault.slowDrip(Duration.ofMillis(5)));
        long start = System.nanoTime();
        assertEquals("200 {\"result\":1}", post("/", INCR).toString());
        assertTrue(System.nanoTime() - start >= Duration.ofMillis(60).toNanos());
        gateway.faults().next(Fault.delay(Duration.ofMillis(50)));
        start = System.nanoTime();
        assertEquals("200 {\"result\":2}", post("/", INCR).toString());
        assertTrue(System.nanoTime() - start >= Duration.ofMillis(50).toNanos());
    }

    @Test
    void aBodyNeverEnds() throws IOException {
        gateway.faults().next(Fault.endlessBody());
        try (WireClient client = new WireClient(gateway.port())) {
            client.write("POST", "/", INCR.getBytes(UTF_8), BEARER);
            assertEquals(200, client.head(new HashMap<>()));
            long received = 0;
            while (received < 10_000_000) {
                received += client.chunk().length;
            }
        }
        assertEquals("200 {\"result\":1}", post("/", INCR).toString());
    }

    @Test
    void aSmallBodyUnpacksToALargeOne() throws IOException {
        gateway.faults().next(Fault.gzipBomb(50_000_000));
        try (WireClient client = new WireClient(gateway.port())) {
            client.write("POST", "/", INCR.getBytes(UTF_8), BEARER);
            WireClient.Answer bomb = client.answer();
            assertEquals("gzip", bomb.headers().get("content-encoding"));
            assertTrue(bomb.bytes().length < 200_000, "packed: " + bomb.bytes().length);
            byte[] body = new GZIPInputStream(new ByteArrayInputStream(bomb.bytes())).readAllBytes();
            assertTrue(body.length > 49_000_000, "unpacked: " + body.length);
            assertEquals("AA\"}", new String(body, body.length - 4, 4, UTF_8));
        }
    }

    @Test
    void requestsAreShownAsTheyArrived() throws IOException {
        Map<String, GatewayRequest> seen = new HashMap<>();
        restartGateway(settings -> settings.onRequest(request -> seen.put(request.target(), request)));
        gateway.faults().next(Fault.empty(500));
        post("/get/k?_token=secret", "é", "Content-Type: application/json");
        GatewayRequest request = seen.get("/get/k?_token=secret");
        assertEquals("é", request.body());
        assertEquals("application/json", request.headers().get("content-type"));
        assertFalse(request.toString().contains("secret"), request.toString());
    }

    @Test
    void redisMayGoAndComeBack() throws IOException {
        try (RedisServer other = RedisServer.start();
                UpstashGateway front = UpstashGateway.start(other.url(), "t")) {
            byte[] body = "[\"set\",\"a\",\"b\"]".getBytes(UTF_8);
            String token = "Authorization: Bearer t";
            assertEquals(
                    200, WireClient.send(front.port(), "POST", "/", body, token).status());
            other.kill();
            assertEquals(
                    503, WireClient.send(front.port(), "POST", "/", body, token).status());
            other.restart(RedisServer.Data.KEEP);
            assertEquals(
                    200, WireClient.send(front.port(), "POST", "/", body, token).status());
        }
    }
}
