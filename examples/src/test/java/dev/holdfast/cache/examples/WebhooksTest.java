package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class WebhooksTest {
    @Test
    void theCacheAnswersWhatTheOriginCannotInTime() {
        List<Webhooks.Row> rows = Webhooks.measure(Duration.ofMillis(1_500));

        Webhooks.Row without = rows.get(0);
        assertEquals(without.requests(), without.seen().late(), "the origin alone is always late");
        assertEquals(without.requests(), without.originCalls());
        assertEquals(0, without.cached());

        Webhooks.Row warm = rows.get(2);
        assertTrue(warm.cachedShare() > 0.9, warm.toString());

        for (Webhooks.Row row : rows.subList(1, rows.size())) {
            assertEquals(0, row.seen().failed(), "there is always an answer, if only that it comes later: " + row);
            assertTrue(row.cached() > 0, row.toString());
            assertTrue(row.originCalls() < row.requests(), row.toString());
            assertTrue(row.seen().latePerThousand() < 500, row.toString());
        }
    }
}
