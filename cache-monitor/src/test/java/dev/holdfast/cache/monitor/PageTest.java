package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page as it is sent; how it behaves is for a browser. */
class PageTest {
    private final Reply one = new Page().reply();

    @Test
    void itIsSmallAndAsksNobodyElse() {
        assertTrue(one.body().length() < 60_000);
        assertFalse(Pattern.compile("(src|href|url)\\s*[=(]\\s*[\"']?(https?:)?//")
                .matcher(one.body())
                .find());
        assertFalse(one.body().contains("innerHTML"), "a name is text");
        assertFalse(Pattern.compile("\\son[a-z]+=").matcher(one.body()).find(), "the policy allows no such handler");
        assertFalse(Pattern.compile("\\sstyle=").matcher(one.body()).find(), "the policy allows no such style");
    }

    @Test
    void itRunsWhatBearsTheNumberOfThisAnswerAlone() {
        String policy = one.headers().get("Content-Security-Policy");
        assertTrue(policy.startsWith("default-src 'none';"), policy);
        assertFalse(policy.contains("unsafe"), policy);
        String nonce = policy.replaceAll(".*script-src 'nonce-([^']+)'.*", "$1");
        assertEquals(2, one.body().split("nonce=\"" + nonce + '"', -1).length - 1);
        assertNotEquals(policy, new Page().reply().headers().get("Content-Security-Policy"));
    }

    @Test
    void itIsSentWithoutATokenSinceItHoldsNothing() {
        try (Monitored here =
                new Monitored("REDIS_MONITORING_HOST", "0.0.0.0", "REDIS_MONITORING_TOKEN", "0123456789abcdef")) {
            Http page = here.get("/");
            assertEquals(200, page.status());
            assertTrue(page.headers().get("content-type").startsWith("text/html"));
        }
    }
}
