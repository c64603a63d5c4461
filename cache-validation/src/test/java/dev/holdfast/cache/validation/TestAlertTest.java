package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class TestAlertTest {
    @Test
    void withoutAnAddressOrWithAMalformedOneItSaysSoAndHidesIt() {
        Result none = TestAlert.send(new Environment(Map.of()));
        assertEquals(Mark.FAILED, none.mark());
        assertTrue(none.measured().contains("REDIS_ALERT_WEBHOOK_URL is not set"), none.measured());
        Result wrong = TestAlert.send(new Environment(Map.of("REDIS_ALERT_WEBHOOK_URL", "ftp://h/secret-path")));
        assertEquals(Mark.FAILED, wrong.mark());
        assertTrue(
                wrong.measured().contains("REDIS_ALERT_WEBHOOK_URL")
                        && !wrong.measured().contains("secret-path"),
                wrong.measured());
    }

    @Test
    @Tag("slow")
    void anAlertAndItsEndArriveAndARefusalIsSaid() throws Exception {
        List<String> bodies = new CopyOnWriteArrayList<>();
        HttpServer receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        receiver.createContext("/", exchange -> {
            bodies.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(exchange.getRequestURI().getPath().equals("/no") ? 404 : 200, -1);
            exchange.close();
        });
        receiver.start();
        String url = "http://127.0.0.1:" + receiver.getAddress().getPort();
        try {
            Result sent = TestAlert.send(new Environment(Map.of("REDIS_ALERT_WEBHOOK_URL", url + "/yes")));
            assertEquals(Mark.OK, sent.mark(), sent.toString());
            assertEquals(2, bodies.size(), bodies.toString());
            assertTrue(bodies.get(0).contains("validation-test"), bodies.toString());
            Result refused = TestAlert.send(new Environment(Map.of("REDIS_ALERT_WEBHOOK_URL", url + "/no")));
            assertEquals(Mark.FAILED, refused.mark(), refused.toString());
            assertTrue(refused.measured().contains("404"), refused.toString());
        } finally {
            receiver.stop(0);
        }
    }
}
