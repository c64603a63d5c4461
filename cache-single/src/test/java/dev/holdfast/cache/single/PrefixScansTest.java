package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Removals by prefix that are never resumed keep no other from being. */
class PrefixScansTest {
    private final PrefixScans scans = new PrefixScans();

    @Test
    void theOldestOfManyIsForgotten() {
        for (int i = 1; i <= 2_000; i++) {
            PrefixScan scan = scans.begin("p" + i);
            scan.isDoneUpTo(i);
            scans.end("p" + i, scan);
        }

        assertEquals(2_000, scans.begin("p2000").cursor());
        assertEquals(0, scans.begin("p1").cursor());
    }
}
