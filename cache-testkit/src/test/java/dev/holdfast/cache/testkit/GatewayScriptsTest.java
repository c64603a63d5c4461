package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Scripts as the service's own clients send them: with a flag that {@code redis-server} refuses. */
class GatewayScriptsTest extends GatewayFixture {
    private static final String LOCKING = "#!lua flags=allow-key-locking\n";

    @BeforeEach
    void forgetScripts() {
        redis.command("SCRIPT", "FLUSH");
    }

    private String run(String... args) throws IOException {
        StringBuilder body = new StringBuilder();
        for (String arg : args) {
            body.append(body.isEmpty() ? "[\"" : ",\"")
                    .append(arg.replace("\n", "\\n"))
                    .append('"');
        }
        return post("/", body + "]").toString();
    }

    private static String digest(String script) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(script.getBytes(UTF_8)));
    }

    @Test
    void aScriptMayLockItsKeysOnly() throws Exception {
        String script = LOCKING + "return redis.call('INCR', KEYS[1])";
        String known = digest(script);
        assertTrue(run("evalsha", known, "1", "n").contains("NOSCRIPT"));
        assertEquals("200 {\"result\":1}", run("eval", script, "1", "n"));
        assertEquals("200 {\"result\":2}", run("evalsha", known, "1", "n"));
        assertEquals("200 {\"result\":[1,0]}", run("script", "exists", known, "0".repeat(40)));
        assertEquals(
                "200 [{\"result\":3},{\"result\":4}]",
                post("/multi-exec", "[[\"evalsha\",\"" + known + "\",1,\"n\"],[\"incr\",\"n\"]]")
                        .toString());
        run("script", "flush");
        assertTrue(run("evalsha", known, "1", "n").contains("NOSCRIPT"));
    }

    @Test
    void aScriptIsKnownByTheDigestOfWhatWasLoaded() throws Exception {
        String script = LOCKING + "return ARGV[1]";
        assertEquals("200 {\"result\":\"" + digest(script) + "\"}", run("script", "load", script));
        assertEquals("200 {\"result\":\"x\"}", run("EVALSHA", digest(script).toUpperCase(Locale.ROOT), "0", "x"));
        assertEquals("200 {\"result\":\"x\"}", run("evalsha_ro", digest(script), "0", "x"));
    }

    @Test
    void otherFlagsStay() throws IOException {
        String write = "return redis.call('SET', KEYS[1], 'v')";
        for (String flags : new String[] {"no-writes,allow-key-locking", "allow-key-locking,no-writes"}) {
            assertEquals("200 {\"result\":1}", run("eval_ro", "#!lua flags=" + flags + "\nreturn 1", "0"));
            String refused = run("eval", "#!lua flags=" + flags + "\n" + write, "1", "k");
            assertTrue(refused.contains("Write commands are not allowed from read-only scripts"), refused);
        }
        assertTrue(
                run("eval", "#!lua flags=allow-key-locking,bad\nreturn 1", "0").contains("bad"));
        assertTrue(run("eval", "#!lua flags=bad\nreturn 1", "0").contains("bad"));
    }

    @Test
    void linesAreCountedAsTheyWereSent() throws IOException {
        assertTrue(run("eval", LOCKING + "return 1 +", "0").contains("user_script:2"));
        assertTrue(run("eval", LOCKING + "\nreturn nosuch.x", "0").contains("user_script:3"));
    }
}
