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
import java.util.concurrent.CountDownLatch;
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
    void aRouteThatFailsIsAnswered() throws Exception {
        try (ServiceHttp http = new ServiceHttp(0)) {
            http.work(0, "/", exchange -> {
                        throw new IllegalStateException("no");
                    })
                    .start();
            try (Socket caller = send(http.port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) {
                String answer = new String(caller.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertTrue(answer.startsWith("HTTP/1.1 500 ") && answer.endsWith("failed"), answer);
            }
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
    void whoComesWhileAllThreadsAreHeldIsToldSoWhateverItsBody() throws Exception {
        CountDownLatch begun = new CountDownLatch(2);
        CountDownLatch open = new CountDownLatch(1);
        List<Socket> sockets = new ArrayList<>();
        try (ServiceHttp http = new ServiceHttp(0)) {
            http.work(0, 2, "/", exchange -> {
                        begun.countDown();
                        open.await();
                        http.send(exchange, 200, "held");
                    })
                    .start();
            for (int i = 0; i < 2; i++) {
                sockets.add(send(http.port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
            }
            assertTrue(begun.await(20, TimeUnit.SECONDS));
            // More than there are threads to refuse with: none waits for a body.
            for (int i = 0; i < 150; i++) {
                Socket late = send(http.port(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
                sockets.add(late);
                String refused = new String(late.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertTrue(refused.startsWith("HTTP/1.1 503 "), refused);
                assertTrue(refused.contains("\r\nRetry-after: 1\r\n"), refused);
            }
            open.countDown();
            for (Socket held : sockets.subList(0, 2)) {
                String answer = new String(held.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertTrue(answer.endsWith("held"), answer);
            }
        } finally {
            for (Socket socket : sockets) {
                socket.close();
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
            // The first few are acknowledged at once, whoever waits for that.
            long least = Collections.min(micros.subList(micros.size() - 10, micros.size()));
            assertTrue(least < 20_000, "the least is " + least + " µs");
        }
    }
}
