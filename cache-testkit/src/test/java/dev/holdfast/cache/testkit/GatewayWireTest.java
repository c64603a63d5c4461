package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What goes over the wire, byte for byte: as recorded between the official SDKs and other servers of this API. */
class GatewayWireTest extends GatewayFixture {
    private static final byte[] NOTHING = new byte[0];
    private static final String NOT_AVAILABLE =
            "'. See https://upstash.com/docs/redis/overall/rediscompatibility for details\"}";

    private void assertAnswer(String expected, String target, String body, String... headers) throws IOException {
        assertEquals(expected, post(target, body, headers).toString());
    }

    @Test
    void commandsOfTheSdkAreAnsweredAsRecorded() throws IOException {
        assertAnswer("200 {\"result\":\"OK\"}", "/", "[\"set\",\"k1\",\"v1\"]", BASE64);
        assertAnswer("200 {\"result\":\"OK\"}", "/", "[\"set\",\"k2\",\"v2\",\"nx\",\"ex\",100]", BASE64);
        assertAnswer("200 {\"result\":null}", "/", "[\"set\",\"k2\",\"v2\",\"nx\"]", BASE64);
        assertAnswer("200 {\"result\":\"djI=\"}", "/", "[\"set\",\"k2\",\"v3\",\"get\",\"px\",100000]", BASE64);
        assertAnswer(
                "200 {\"result\":\"OK\"}",
                "/",
                "[\"set\",\"o1\",\"{\\\"a\\\":1,\\\"s\\\":\\\"x\\\\\\\"y\\\"}\"]",
                BASE64);
        assertAnswer("200 {\"result\":null}", "/", "[\"get\",\"nope\"]", BASE64);
        assertAnswer(
                "200 {\"result\":[\"djE=\",null,\"eyJhIjoxLCJzIjoieFwieSJ9\"]}",
                "/",
                "[\"mget\",\"k1\",\"nope\",\"o1\"]",
                BASE64);
        assertAnswer("200 {\"result\":[\"v1\",null]}", "/", "[\"mget\",\"k1\",\"nope\"]");
        assertAnswer("200 {\"result\":-1}", "/", "[\"ttl\",\"k1\"]", BASE64);
        assertAnswer("200 {\"result\":-2}", "/", "[\"ttl\",\"nope\"]", BASE64);
        assertAnswer("200 {\"result\":2}", "/", "[\"hset\",\"h\",\"f\",\"v\",\"g\",\"1\"]", BASE64);
        assertAnswer("200 {\"result\":[\"Zg==\",\"dg==\",\"Zw==\",\"MQ==\"]}", "/", "[\"hgetall\",\"h\"]", BASE64);
        assertAnswer("200 {\"result\":1}", "/", "[\"zadd\",\"z\",1.5,\"m\"]", BASE64);
        assertAnswer("200 {\"result\":\"MS41\"}", "/", "[\"zscore\",\"z\",\"m\"]", BASE64);
        assertAnswer(
                "200 {\"result\":[\"MA==\",[\"aA==\"]]}", "/", "[\"scan\",0,\"match\",\"h*\",\"count\",1000]", BASE64);
        assertAnswer("200 {\"result\":\"UE9ORw==\"}", "/", "[\"ping\"]", BASE64);
        assertAnswer("200 {\"result\":\"OK\"}", "/", "[\"set\",\"es\",\"\"]", BASE64);
        assertAnswer("200 {\"result\":\"\"}", "/", "[\"get\",\"es\"]", BASE64);
    }

    @Test
    void errorsAreAnsweredAsRecorded() throws IOException {
        redis.command("SET", "k1", "v1");
        assertAnswer(
                "400 {\"error\":\"WRONGTYPE Operation against a key holding the wrong kind of value\"}",
                "/",
                "[\"lpush\",\"k1\",\"x\"]",
                BASE64);
        assertAnswer("400 {\"error\":\"ERR wrong number of arguments for 'get' command\"}", "/", "[\"GET\"]");
        assertAnswer(
                "400 {\"error\":\"ERR Command is not available: 'NOSUCH" + NOT_AVAILABLE, "/", "[\"nosuch\",\"a\"]");
        assertAnswer(
                "400 {\"error\":\"NOSCRIPT No matching script. Please use EVAL.\"}",
                "/",
                "[\"evalsha\",\"" + "0".repeat(40) + "\",0]");
        assertAnswer("400 {\"error\":\"ERR null args are not supported\"}", "/", "[\"set\",\"k\",null]");
        assertAnswer("400 {\"error\":\"ERR unsupported arg type: \\\"[\\\": json.Delim\"}", "/", "[[\"get\",\"k\"]]");
        assertAnswer(
                "400 {\"error\":\"ERR unsupported arg type: \\\"{\\\": json.Delim\"}", "/", "[\"get\",{\"a\":[1]}]");
        assertAnswer("400 {\"error\":\"ERR empty command\"}", "/", "[]");
        assertAnswer("400 {\"error\":\"EOF\"}", "/", "");
        assertEquals(400, post("/", "{\"a\":1}").status());
        assertEquals(400, post("/", "[\"get\",").status());
        assertEquals(400, post("/", "[\"get\",\"k\"] [").status());
        assertEquals(400, post("/", "nonsense").status());
    }

    @Test
    void okIsEncodedInsideArraysAndLiteralAtTheTop() throws IOException {
        String script = "return {1,'two',{'three',false,4},redis.call('SET',KEYS[1],'v'),redis.status_reply('FINE')}";
        assertAnswer(
                "200 {\"result\":[1,\"dHdv\",[\"dGhyZWU=\",null,4],\"T0s=\",\"RklORQ==\"]}",
                "/",
                "[\"eval\",\"" + script + "\",1,\"k\"]",
                BASE64);
        redis.command("SET", "ok", "OK");
        assertAnswer("200 {\"result\":\"T0s=\"}", "/", "[\"get\",\"ok\"]", BASE64);
        restartGateway(settings -> settings.literalOk(false));
        assertAnswer("200 {\"result\":\"T0s=\"}", "/", "[\"set\",\"a\",\"b\"]", BASE64);
        assertAnswer("200 {\"result\":\"OK\"}", "/", "[\"set\",\"a\",\"b\"]");
    }

    @Test
    void numbersKeepTheirDigits() throws IOException {
        post("/", "[\"mset\",\"a\",1731000000000,\"b\",1.50,\"c\",1e3,\"d\",true,\"e\",9007199254740993]");
        assertAnswer(
                "200 {\"result\":[\"1731000000000\",\"1.50\",\"1e3\",\"true\",\"9007199254740993\"]}",
                "/",
                "[\"mget\",\"a\",\"b\",\"c\",\"d\",\"e\"]");
        assertAnswer("200 {\"result\":9007199254740993}", "/", "[\"incrby\",\"e\",0]", BASE64);
    }

    @Test
    void textAndBytesArriveAsTheyAre() throws IOException {
        assertAnswer(
                "200 {\"result\":\"OK\"}", "/", "[\"set\",\"ключ-🔑\",\"значение-😀-\\u0000-\\u001f-\u2028\"]", BASE64);
        assertAnswer(
                "200 {\"result\":\"0LfQvdCw0YfQtdC90LjQtS3wn5iALQAtHy3igKg=\"}", "/", "[\"get\",\"ключ-🔑\"]", BASE64);
        byte[] binary = {0, (byte) 0xff, (byte) 0xfe, (byte) 0x80};
        assertEquals("200 {\"result\":\"OK\"}", send("POST", "/set/bin", binary).toString());
        assertArrayEquals(binary, (byte[]) redis.command("GET".getBytes(UTF_8), "bin".getBytes(UTF_8)));
        assertEquals(
                "200 {\"result\":\"AP/+gA==\"}",
                send("GET", "/get/bin", NOTHING, BASE64).toString());
        assertEquals(
                "200 {\"result\":\"\\u0000\uFFFD\uFFFD\uFFFD\"}",
                send("GET", "/get/bin", NOTHING).toString());
        post("/", "[\"set\",\"sur\",\"a\\ud83d\"]");
        assertEquals("a\uFFFD", redis.command("GET", "sur"));
    }

    @Test
    void pathsCarryArgumentsThenTheBodyThenTheQuery() throws IOException {
        assertEquals(
                "200 {\"result\":\"OK\"}",
                send("POST", "/set/foo2?EX=100", "v a l".getBytes(UTF_8)).toString());
        assertEquals("v a l", redis.command("GET", "foo2"));
        assertEquals(100L, redis.command("TTL", "foo2"));
        assertEquals(
                "200 {\"result\":null}",
                send("PUT", "/set/foo2/x?NX&PX=1000", NOTHING).toString());
        assertEquals(
                "200 {\"result\":\"OK\"}",
                send("GET", "/SET/a%2Fb%20%C3%A9+/1%25", NOTHING).toString());
        assertEquals("1%", redis.command("GET", "a/b é+"));
        assertEquals(
                "200 {\"result\":0}",
                send("POST", "/publish/chat/hello", NOTHING).toString());
        WireClient.Answer head = send("HEAD", "/get/foo2", NOTHING);
        assertEquals(200, head.status());
        assertEquals("18", head.headers().get("content-length"));
    }

    @Test
    void resp2IsRaw() throws IOException {
        redis.command("SET", "foo", "bar");
        WireClient.Answer bar = send("GET", "/GET/foo", NOTHING, RESP2);
        assertEquals("200 $3\r\nbar\r\n", bar.toString());
        assertEquals("application/octet-stream", bar.headers().get("content-type"));
        assertEquals("200 $-1\r\n", send("GET", "/get/nope", NOTHING, RESP2).toString());
        assertEquals(
                "400 -ERR value is not an integer or out of range\r\n",
                send("GET", "/incr/foo", NOTHING, RESP2).toString());
        assertAnswer(
                "200 +OK\r\n*1\r\n$1\r\nv\r\n:1\r\n",
                "/pipeline",
                "[[\"set\",\"a\",\"v\"],[\"mget\",\"a\"],[\"incr\",\"n\"]]",
                RESP2);
        assertAnswer("200 [{\"result\":\"OK\"}]", "/multi-exec", "[[\"set\",\"a\",\"v\"]]", RESP2);
        assertEquals(
                "400 {\"error\":\"ERR Upstash-Encoding base64 is not allowed with resp2 format\"}",
                send("GET", "/get/foo", NOTHING, RESP2, BASE64).toString());
        assertEquals(
                400,
                send("GET", "/get/foo", NOTHING, "Upstash-Response-Format: resp3")
                        .status());
    }

    @Test
    void pipelinesReportPerSlot() throws IOException {
        assertAnswer(
                "200 [{\"result\":\"OK\"},{\"result\":\"dg==\"},{\"result\":1},{\"result\":null},{\"result\":[\"dg==\",null]}]",
                "/pipeline",
                "[[\"set\",\"p1\",\"v\"],[\"get\",\"p1\"],[\"incr\",\"cnt\"],[\"get\",\"nope\"],[\"mget\",\"p1\",\"nope\"]]",
                BASE64);
        assertAnswer(
                "200 [{\"result\":\"OK\"},{\"error\":\"WRONGTYPE Operation against a key holding the wrong kind of value\"},"
                        + "{\"error\":\"ERR null args are not supported\"},{\"error\":\"ERR empty pipeline command\"},"
                        + "{\"error\":\"ERR Command \\\"MULTI\\\" is not allowed in REST or it has a special context path\"},"
                        + "{\"result\":\"dg==\"}]",
                "/pipeline",
                "[[\"set\",\"p1\",\"v\"],[\"lpush\",\"p1\",\"x\"],[\"get\",null],[],[\"multi\"],[\"get\",\"p1\"]]",
                BASE64);
        assertAnswer("400 {\"error\":\"ERR empty pipeline request\"}", "/pipeline", "[]");
        assertAnswer("400 {\"error\":\"ERR failed to parse pipeline request\"}", "/pipeline", "[\"get\",\"k\"]");
        assertEquals(404, post("/pipeline/x", "[]").status());
    }

    @Test
    void transactionsAreAppliedOrDiscardedAsAWhole() throws IOException {
        assertAnswer(
                "200 [{\"result\":\"OK\"},{\"result\":2},{\"result\":\"Mg==\"}]",
                "/multi-exec",
                "[[\"set\",\"t1\",\"1\"],[\"incr\",\"t1\"],[\"get\",\"t1\"]]",
                BASE64);
        assertAnswer(
                "200 [{\"result\":\"OK\"},{\"error\":\"ERR value is not an integer or out of range\"},{\"result\":\"dg==\"}]",
                "/multi-exec",
                "[[\"set\",\"t1\",\"v\"],[\"incr\",\"t1\"],[\"get\",\"t1\"]]",
                BASE64);
        assertAnswer(
                "400 {\"error\":\"EXECABORT Transaction discarded because of previous errors.\"}",
                "/multi-exec",
                "[[\"set\",\"t2\",\"v\"],[\"GET\"]]");
        assertAnswer(
                "400 {\"error\":\"ERR Command is not available: 'NOSUCH" + NOT_AVAILABLE,
                "/multi-exec",
                "[[\"set\",\"t2\",\"v\"],[\"nosuch\"]]");
        assertAnswer(
                "400 {\"error\":\"ERR null args are not supported\"}",
                "/multi-exec",
                "[[\"set\",\"t2\",\"v\"],[\"get\",null]]");
        assertEquals(
                400,
                post("/multi-exec", "[[\"set\",\"t2\",\"v\"],[\"discard\"]]").status());
        assertEquals(0L, redis.command("EXISTS", "t2"));
    }

    @Test
    void tokensOpenTheDoor() throws IOException {
        restartGateway(settings -> settings.readOnlyToken("reader=="));
        int port = gateway.port();
        String expected = "401 {\"error\":\"WRONGPASS invalid or missing auth token."
                + " See https://docs.upstash.com/redis/troubleshooting/http_unauthorized for details.\"}";
        assertEquals(expected, WireClient.send(port, "GET", "/get/k", NOTHING).toString());
        assertEquals(
                expected,
                WireClient.send(port, "GET", "/get/k?_token=wrong", NOTHING, BASE64)
                        .toString());
        assertEquals(
                "200 {\"result\":\"OK\"}",
                WireClient.send(port, "GET", "/set/k/v?EX=9&_token=secret", NOTHING)
                        .toString());
        String reader = "authorization: bearer reader==";
        assertEquals(
                "200 {\"result\":\"v\"}",
                WireClient.send(port, "GET", "/get/k", NOTHING, reader).toString());
        assertEquals(
                "400 {\"error\":\"NOPERM this user has no permissions to run the 'SET' command\"}",
                WireClient.send(port, "GET", "/SET/k/w", NOTHING, reader).toString());
        for (String refused : new String[] {"/scan/0", "/keys/*", "/eval/return 1/0", "/publish/a/b", "/monitor"}) {
            int status = WireClient.send(port, "GET", refused.replace(" ", "%20"), NOTHING, reader)
                    .status();
            assertEquals(400, status, refused);
        }
        assertEquals(
                200,
                WireClient.send(port, "GET", "/object/encoding/k", NOTHING, reader)
                        .status());
        assertEquals("v", redis.command("GET", "k"));
    }

    @Test
    void methodsOtherThanTheFourAreRefused() throws IOException {
        assertEquals("405 ", send("DELETE", "/del/foo", NOTHING).toString());
        WireClient.Answer preflight =
                WireClient.send(gateway.port(), "OPTIONS", "/", NOTHING, "Origin: http://a.example");
        assertEquals(200, preflight.status());
        assertEquals("http://a.example", preflight.headers().get("access-control-allow-origin"));
    }

    @Test
    void whatTheServiceHasNotGotIsRefused() throws IOException {
        for (String command : new String[] {
            "\"blpop\",\"k\",0", "\"xread\",\"BLOCK\",0,\"STREAMS\",\"s\",\"$\"", "\"watch\",\"k\"",
                    "\"subscribe\",\"c\"",
            "\"auth\",\"x\"", "\"select\",1", "\"monitor\"", "\"client\",\"list\""
        }) {
            assertTrue(post("/", "[" + command + "]").body().contains("is not allowed in REST"), command);
        }
        for (String command :
                new String[] {"\"cluster\",\"info\"", "\"shutdown\"", "\"config\",\"get\",\"*\"", "\"json.get\",\"k\""
                }) {
            assertTrue(post("/", "[" + command + "]").body().contains("ERR Command is not available: '"), command);
        }
        assertEquals(200, post("/", "[\"xread\",\"STREAMS\",\"block\",\"0\"]").status());
        String read = "[\"xreadgroup\",\"GROUP\",\"block\",\"block\",%s\"STREAMS\",\"s\",\">\"]";
        assertTrue(post("/", read.formatted("")).body().contains("NOGROUP"));
        assertTrue(post("/", read.formatted("\"BLOCK\",0,")).body().contains("is not allowed in REST"));
    }

    @Test
    void theServicesOwnWaysAreKept() throws IOException {
        redis.command("MSET", "a", "1", "b", "2");
        redis.command("ZADD", "z", "1", "x", "2", "y", "3", "w");
        assertAnswer("200 {\"result\":0}", "/", "[\"unlink\"]");
        assertAnswer("200 {\"result\":0}", "/", "[\"copy\",\"a\",\"a\"]");
        assertAnswer("200 {\"result\":1}", "/", "[\"copy\",\"a\",\"b\",\"replace\"]");
        assertAnswer("200 {\"result\":[\"y\",\"w\"]}", "/", "[\"zrange\",\"z\",0,-1,\"limit\",1,5]");
        assertAnswer("200 {\"result\":[\"y\",\"2\"]}", "/", "[\"zrange\",\"z\",0,-1,\"withscores\",\"limit\",1,1]");
        assertAnswer("200 {\"result\":[\"x\"]}", "/", "[\"zrange\",\"z\",0,9,\"byscore\",\"limit\",0,1]");
        assertAnswer(
                "200 {\"result\":[\"0\",[\"z\",\"zset\"]]}",
                "/",
                "[\"scan\",0,\"match\",\"z\",\"count\",100,\"withtype\"]");
        assertAnswer(
                "200 [{\"result\":0},{\"result\":[\"w\"]},{\"result\":[\"0\",[\"z\",\"zset\"]]}]",
                "/multi-exec",
                "[[\"unlink\"],[\"zrange\",\"z\",0,-1,\"limit\",2,1],[\"scan\",0,\"match\",\"z\",\"count\",100,\"withtype\"]]");
    }

    @Test
    void oneCommandOrItsResultMayBeTooLarge() throws IOException {
        restartGateway(settings -> settings.maxRequestBytes(1000));
        String tooLarge = "{\"error\":\"ERR max request size exceeded. Limit: 1000 bytes, Actual: ";
        WireClient.Answer refused = post("/", "[\"set\",\"k\",\"" + "x".repeat(1000) + "\"]");
        assertEquals(413, refused.status());
        assertTrue(refused.body().startsWith(tooLarge + "1004 bytes. See"), refused.body());
        redis.command("SET", "big", "x".repeat(1001));
        WireClient.Answer result = send("GET", "/get/big", NOTHING);
        assertEquals(200, result.status());
        assertTrue(result.body().startsWith(tooLarge + "1001 bytes. See"), result.body());
        String value = "x".repeat(600);
        String many = "[[\"set\",\"a\",\"" + value + "\"],[\"set\",\"b\",\"" + value + "\"],[\"mget\",\"a\",\"b\"]]";
        assertTrue(post("/pipeline", many)
                .body()
                .startsWith("[{\"result\":\"OK\"},{\"result\":\"OK\"}," + tooLarge + "1200"));
        assertEquals(
                400,
                post("/multi-exec", "[[\"set\",\"c\",\"" + "x".repeat(1000) + "\"]]")
                        .status());
    }

    @Test
    void theSyncTokenMovesWithWritesOnly() throws IOException {
        String before = post("/", "[\"get\",\"k\"]", "upstash-sync-token: my-new-sync-token")
                .headers()
                .get("upstash-sync-token");
        assertEquals(before, post("/", "[\"get\",\"k\"]").headers().get("upstash-sync-token"));
        assertNotEquals(before, post("/", "[\"set\",\"k\",\"v\"]").headers().get("upstash-sync-token"));
        restartGateway(settings -> settings.syncTokens(false));
        assertFalse(post("/", "[\"get\",\"k\"]").headers().containsKey("upstash-sync-token"));
    }
}
