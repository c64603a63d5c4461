package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.regex.Matcher;
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
    void linesOfChartsAreSeenByDayAndByNight() {
        Matcher schemes = Pattern.compile("--card: (#[0-9a-f]{6});.*?--line: (#[0-9a-f]{6});", Pattern.DOTALL)
                .matcher(one.body());
        int found = 0;
        while (schemes.find()) {
            double one = luminance(schemes.group(1));
            double other = luminance(schemes.group(2));
            double contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            assertTrue(contrast >= 3, () -> schemes.group(2) + " on " + schemes.group(1) + ": " + contrast);
            found++;
        }
        assertEquals(2, found);
    }

    /** As WCAG 2.2 defines it. */
    private static double luminance(String colour) {
        double[] weights = {0.2126, 0.7152, 0.0722};
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            double part = Integer.parseInt(colour.substring(1 + 2 * i, 3 + 2 * i), 16) / 255.0;
            sum += weights[i] * (part <= 0.04045 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4));
        }
        return sum;
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
        try (Monitored here = Monitored.guarded("holdfast", "REDIS_MONITORING_TOKEN", "0123456789abcdef")) {
            assertEquals(401, here.get("/api/monitoring/health").status());
            Http page = here.get("/");
            assertEquals(200, page.status());
            assertTrue(page.headers().get("content-type").startsWith("text/html"));
        }
    }
}
