package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ServiceHttpTest {
    private static final Duration READ = Duration.ofMillis(500);

    private static Socket send(int port, String request) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(20_000);
        socket.setTcpNoDelay(true);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    @Test
    void anAnswerIsTimedFromItsFirstByteNotFromItsRequest() throws Exception {
        try (ServiceHttp http = new ServiceHttp(0, READ)) {
            http.work(0, "/", exchange -> {
                        Thread.sleep(4 * READ.toMillis());
                        http.send(exchange, 200, "late");
                    })
                    .start();
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http.port() + "/"))
                    .build();
            HttpResponse<String> answer =
                    HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
            assertEquals("200 late", answer.statusCode() + " " + answer.body());
        }
    }

    @Test
    void whoDoesNotReadHisAnswerHoldsNoThread() throws Exception {
        CompletableFuture<Throwable> cut = new CompletableFuture<>();
        try (ServiceHttp http = new ServiceHttp(0, READ)) {
            http.work(0, "/", exchange -> {
                        try {
                            http.send(exchange, 200, new byte[64 << 20]);
                        } catch (IOException e) {
                            cut.complete(e);
                            throw e;
                        }
                    })
                    .start();
            try (Socket deaf = send(http.port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")) {
                assertTrue(deaf.isConnected());
                assertTrue(cut.get(20, TimeUnit.SECONDS) instanceof IOException);
            }
        }
    }

    @Test
    void anAnswerWaitsForNoAcknowledgementOfItsHeaders() throws Exception {
        try (ServiceHttp http = new ServiceHttp(0)) {
            http.work(0, "/", exchange -> http.send(exchange, 200, "x")).start();
            List<Long> micros = new ArrayList<>();
            try (Socket kept = send(http.port(), "")) {
                InputStream in = kept.getInputStream();
                for (int i = 0; i < 31; i++) {
                    long start = System.nanoTime();
                    kept.getOutputStream()
                            .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    StringBuilder answer = new StringBuilder();
                    while (!answer.toString().endsWith("\r\n\r\nx")) {
                        int read = in.read();
                        assertTrue(read >= 0, answer.toString());
                        answer.append((char) read);
                    }
                    micros.add((System.nanoTime() - start) / 1_000);
                }
            }
            Collections.sort(micros);
            assertTrue(micros.get(15) < 20_000, "the median is " + micros.get(15) + " µs");
        }
    }
}
