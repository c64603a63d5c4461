package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GatewayStreamsTest extends GatewayFixture {
    private WireClient open(String path) throws IOException {
        WireClient client = new WireClient(gateway.port());
        // The SDK sends an empty JSON array, which is not one more channel.
        client.write("POST", path, "[]".getBytes(UTF_8), BEARER, "Accept: text/event-stream");
        Map<String, String> headers = new HashMap<>();
        assertEquals(200, client.head(headers));
        assertEquals("text/event-stream", headers.get("content-type"));
        return client;
    }

    private static String event(WireClient client) throws IOException {
        return new String(client.chunk(), UTF_8);
    }

    @Test
    void messagesOfChannelsArrive() throws IOException {
        try (WireClient client = open("/subscribe/chat/ne%77s")) {
            assertEquals("data: subscribe,chat,1\n\n", event(client));
            assertEquals("data: subscribe,news,2\n\n", event(client));
            assertEquals("200 {\"result\":1}", post("/publish/chat/hello", "").toString());
            assertEquals(
                    "200 {\"result\":1}",
                    post("/", "[\"publish\",\"news\",\"a,b\\nc 😀\"]").toString());
            assertEquals("data: message,chat,hello\n\n", event(client));
            assertEquals("data: message,news,a,b\ndata: c 😀\n\n", event(client));
        }
    }

    @Test
    void messagesOfPatternsArrive() throws IOException {
        try (WireClient client = open("/psubscribe/user:*")) {
            assertEquals("data: psubscribe,user:*,1\n\n", event(client));
            post("/publish/user:1/hi", "");
            assertEquals("data: pmessage,user:*,user:1,hi\n\n", event(client));
        }
    }

    @Test
    void monitorShowsCommands() throws IOException {
        try (WireClient client = open("/monitor")) {
            assertEquals("data: \"OK\"\n\n", event(client));
            post("/", "[\"set\",\"watched\",\"v\"]");
            assertTrue(event(client).contains("\"set\" \"watched\" \"v\""));
        }
    }

    @Test
    void aClientThatLeavesIsUnsubscribed() throws Exception {
        try (WireClient client = open("/subscribe/chat")) {
            event(client);
            assertEquals(List.of(1L), subscribers());
        }
        Eventually.until("the end of the subscription", () -> subscribers().equals(List.of(0L)));
    }

    @Test
    void streamsNeedAChannel() throws IOException {
        for (String path : new String[] {"/subscribe", "/psubscribe/", "/monitor/x"}) {
            WireClient.Answer answer = post(path, "");
            assertEquals(400, answer.status(), path);
            assertTrue(answer.body().contains("is not allowed in REST"), path);
        }
    }

    @Test
    void pagesOfOtherOriginsMayRead() throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            client.write("POST", "/subscribe/chat", new byte[0], BEARER, "Origin: http://a.example");
            Map<String, String> headers = new HashMap<>();
            assertEquals(200, client.head(headers));
            assertEquals("http://a.example", headers.get("access-control-allow-origin"));
        }
    }

    @Test
    void streamsNeedAToken() throws IOException {
        assertEquals(
                401,
                WireClient.send(gateway.port(), "POST", "/subscribe/chat", new byte[0])
                        .status());
    }

    @Test
    void streamsEndWithTheGateway() throws IOException {
        try (WireClient client = open("/subscribe/chat")) {
            event(client);
            gateway.close();
            assertThrows(IOException.class, () -> event(client));
        }
    }

    private static List<?> subscribers() {
        List<?> reply = (List<?>) redis.command("PUBSUB", "NUMSUB", "chat");
        return reply.subList(1, 2);
    }
}
