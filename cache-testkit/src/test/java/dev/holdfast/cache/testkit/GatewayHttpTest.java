package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GatewayHttpTest extends GatewayFixture {
    private static final String GET = "GET /ping HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\n";

    private WireClient.Answer raw(String bytes) throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.raw(bytes.getBytes(ISO_8859_1));
            return client.answer();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "400, 'nonsense\r\n\r\n'",
        "400, 'GET /\r\n\r\n'",
        "400, 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'",
        "400, 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'",
        "400, 'GET / HTTP/1.1\r\n\r\n'",
        "400, 'GET / HTTP/1.1\nHost: a\n\n'",
        "400, 'GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n'",
        "400, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'",
        "400, 'GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n'",
        "400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'",
        "400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'",
        "400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'",
        "400, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'",
        "400, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxxx\r\n'",
        "400, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n'",
        "401, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n'",
        "401, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nf000000\r\n'",
        "501, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n'",
        "413, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n'",
        "505, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'",
    })
    void malformedRequestsAreRefusedAndTheConnectionEnds(int status, String request) throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.raw(request.getBytes(ISO_8859_1));
            assertEquals(status, client.answer().status());
            assertThrows(EOFException.class, client::line);
        }
    }

    @Test
    void headersHaveALimit() throws IOException {
        assertEquals(
                431,
                raw("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(70_000)).status());
    }

    @Test
    void clientsThatSendHalfARequestKeepNobodyOut() throws IOException {
        List<WireClient> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 1_200; i++) {
                WireClient client = new WireClient(gateway.port());
                silent.add(client);
                client.raw((i % 2 == 0 ? "POST / HTTP/1.1\r\nHo" : GET + "Content-Length: 9\r\n\r\n[")
                        .getBytes(ISO_8859_1));
            }
            assertEquals("200 {\"result\":\"PONG\"}", raw(GET + "\r\n").toString());
            assertThrows(IOException.class, () -> silent.get(0).line(), "the first made room");
        } finally {
            for (WireClient client : silent) {
                client.close();
            }
        }
    }

    @Test
    void aConnectionServesOneRequestAfterTheOther() throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.raw((GET + "\r\n" + GET + "\r\n" + GET + "Connection: close\r\n\r\n").getBytes(ISO_8859_1));
            for (int i = 0; i < 3; i++) {
                assertEquals("200 {\"result\":\"PONG\"}", client.answer().toString());
            }
            assertThrows(EOFException.class, client::line);
        }
        assertEquals(3, gateway.requests());
    }

    @Test
    void bodiesMayComeInChunksAndInPieces() throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.raw(
                    (GET.replace("GET /ping", "POST /") + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
                            .getBytes(ISO_8859_1));
            assertEquals(100, client.head(new HashMap<>()));
            for (byte b : "4;x=y\r\n[\"ec\r\n5\r\nho\",1\r\n1\r\n]\r\n0\r\nTrailer: x\r\n\r\n".getBytes(UTF_8)) {
                client.raw(new byte[] {b});
            }
            assertEquals("200 {\"result\":\"1\"}", client.answer().toString());
        }
    }

    @Test
    void http10ClosesUnlessAskedNotTo() throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.raw("GET /ping?_token=secret HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".getBytes(ISO_8859_1));
            assertEquals("200 {\"result\":\"PONG\"}", client.answer().toString());
            client.raw("GET /ping?_token=secret HTTP/1.0\r\n\r\n".getBytes(ISO_8859_1));
            assertEquals("200 {\"result\":\"PONG\"}", client.answer().toString());
            assertThrows(EOFException.class, client::line);
        }
    }

    @Test
    void largeBodiesPassBothWays() throws IOException {
        String value = "é".repeat(2_000_000);
        assertEquals(200, post("/", "[\"set\",\"k\",\"" + value + "\"]").status());
        assertEquals(
                "{\"result\":\"" + value + "\"}", post("/", "[\"get\",\"k\"]").body());
    }

    @Test
    void closingEndsIdleConnections() throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.write("GET", "/ping", new byte[0], BEARER);
            assertEquals(200, client.answer().status());
            gateway.close();
            assertThrows(IOException.class, client::line);
        }
    }
}
