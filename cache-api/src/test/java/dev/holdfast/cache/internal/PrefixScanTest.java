package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** A round over a server's keys counts as one only if the same process answered all of it. */
class PrefixScanTest {
    /** When the connection was opened on which the pages come. */
    private static final long OPENED = 10;

    private final PrefixScans scans = new PrefixScans();

    private PrefixScan begun(String prefix) {
        return scans.begin(prefix);
    }

    @Test
    void aRoundEndsWithTheLastPage() {
        PrefixScan scan = begun("p");
        assertEquals("0", scan.cursor());
        scan.moved(20, OPENED, "7");
        assertEquals("7", scan.cursor());
        assertFalse(scan.isCovered());
        scan.moved(30, OPENED, "0");
        assertTrue(scan.isCovered());
        assertTrue(scan.isComplete());
    }

    @Test
    void oneThatStoppedIsGoneOnWithAndComesToWhatWasGoneOverBeforeOnceMore() {
        PrefixScan first = begun("p");
        first.moved(20, OPENED, "7");
        scans.failed("p", first);

        PrefixScan second = begun("p");
        assertEquals("7", second.cursor());
        second.moved(30, OPENED, "0");
        assertTrue(second.isCovered(), "with the first");
        assertFalse(second.isComplete(), "keys may have been written where the first had been");
        second.moved(40, OPENED, "7");
        assertFalse(second.isComplete());
        second.moved(50, OPENED, "0");
        assertTrue(second.isComplete());
    }

    /** Of the same mark; a round that began before that does not count, since others wrote until then. */
    @Test
    void whatIsGoneOnWithIsDoneOnceARoundHasEndedThatBeganAfterIt() {
        PrefixScan earlier = begun("p");
        earlier.moved(20, OPENED, "7");
        scans.failed("p", earlier);

        PrefixScan first = begun("p");
        first.moved(40, OPENED, "0");
        assertTrue(first.isCovered());
        assertTrue(first.isCoveredSince(20));
        assertFalse(first.isCoveredSince(30), "it began at 20");
        first.moved(50, OPENED, "7");
        scans.failed("p", first);

        PrefixScan second = scans.resume("p");
        assertEquals("7", second.cursor());
        second.moved(60, OPENED, "0");
        assertTrue(second.isCoveredSince(30), "it began at 50, in the attempt before");
        assertFalse(second.isCoveredSince(51));
        assertFalse(second.isComplete());
    }

    @Test
    void oneThatHadGoneOverAllIsNotBelievedBeforeItsServerWasHeard() {
        PrefixScan first = begun("p");
        first.moved(20, OPENED, "7");
        scans.failed("p", first);
        PrefixScan second = begun("p");
        second.moved(30, OPENED, "0");
        second.moved(40, OPENED, "5");
        scans.failed("p", second);

        PrefixScan third = begun("p");
        assertEquals("0", third.cursor());
        assertFalse(third.isCovered());
        third.heard(50, OPENED);
        assertTrue(third.isCovered());
    }

    @Test
    void anotherProcessBeginsAtTheFirstKey() {
        PrefixScan scan = begun("p");
        scan.moved(20, OPENED, "7");
        scan.moved(30, 25, "9");
        assertEquals("0", scan.cursor(), "7 means nothing to whoever may have been started at 25");
        scan.moved(40, 25, "8");
        scan.moved(50, 25, "0");
        assertTrue(scan.isComplete());
    }

    @Test
    void theFirstPageOfAnotherProcessCounts() {
        PrefixScan first = begun("p");
        first.moved(20, OPENED, "7");
        scans.failed("p", first);
        PrefixScan second = begun("p");
        second.moved(30, OPENED, "0");
        second.moved(40, 35, "6");
        assertEquals("6", second.cursor());
        assertFalse(second.isCovered(), "what the process before had removed may be there again");
        second.moved(50, 35, "0");
        assertTrue(second.isComplete());
    }

    @Test
    void anotherProcessIsNoticedByAnyAnswer() {
        PrefixScan scan = begun("p");
        scan.moved(20, OPENED, "7");
        scan.heard(30, 25);
        assertEquals("0", scan.cursor());
    }

    @Test
    void connectionsThatWereOpenTogetherLeadToOneProcess() {
        PrefixScan scan = begun("p");
        scan.moved(20, OPENED, "7");
        scan.moved(30, 15, "9");
        assertEquals("9", scan.cursor(), "open before the first page was asked for");
        scan.moved(40, OPENED, "11");
        scan.moved(50, 35, "13");
        assertEquals("13", scan.cursor(), "open when the first connection still answered");
    }

    @Test
    void aNewConnectionToTheSameProcessGoesOn() {
        PrefixScan first = begun("p");
        first.moved(20, OPENED, "a", "7");
        scans.failed("p", first);

        PrefixScan second = begun("p");
        second.moved(40, 35, "a", "9");
        assertEquals("9", second.cursor(), "whoever has the same name is the same");
        second.heard(60, 55, "a");
        assertEquals("9", second.cursor());
    }

    @Test
    void aConnectionWhoseProcessHasSaidItsNameNeedsNoneForItsPages() {
        PrefixScan scan = begun("p");
        scan.heard(20, OPENED, "a");
        scan.moved(25, OPENED, "7");
        scan.heard(40, 45, "a");
        scan.moved(50, 45, "9");
        assertEquals("9", scan.cursor());
    }

    @Test
    void anotherNameIsAnotherProcessWhateverTheTime() {
        PrefixScan scan = begun("p");
        scan.moved(20, OPENED, "a", "7");
        scan.moved(30, OPENED, "b", "9");
        assertEquals("0", scan.cursor());
        scan.moved(40, OPENED, "b", "8");
        scan.heard(50, 45, "a");
        assertEquals("0", scan.cursor());
    }

    @Test
    void withoutANameTheTimeTells() {
        PrefixScan scan = begun("p");
        scan.moved(20, OPENED, "a", "7");
        scan.moved(30, 15, null, "9");
        assertEquals("9", scan.cursor());
        scan.moved(50, 55, null, "11");
        assertEquals("0", scan.cursor(), "whoever runs since then may be another than a");
        scan.moved(60, 55, null, "8");
        scan.moved(70, 55, "b", "9");
        assertEquals("9", scan.cursor(), "nothing is known against it");
    }

    @Test
    void severalBehindOneAddressDoNotKeepItFromEnding() {
        PrefixScan scan = begun("p");
        int pages = 0;
        while (!scan.isComplete()) {
            assertTrue(pages++ < 20, "it began again and again");
            scan.moved(20 + pages, OPENED, "process" + pages % 2, scan.cursor().equals("7") ? "0" : "7");
        }
    }

    @Test
    void timesMayOverflow() {
        PrefixScan scan = begun("p");
        scan.moved(Long.MAX_VALUE - 5, Long.MAX_VALUE - 10, "7");
        scan.moved(Long.MIN_VALUE + 5, Long.MAX_VALUE - 7, "9");
        assertEquals("9", scan.cursor());
        scan.moved(Long.MIN_VALUE + 20, Long.MIN_VALUE + 10, "11");
        assertEquals("0", scan.cursor());
    }

    @Test
    void everythingIsGoneOverAgainIfThatIsAskedFor() {
        PrefixScan scan = begun("p");
        scan.moved(20, OPENED, "0");
        scan.again();
        assertFalse(scan.isCovered());
        assertFalse(scan.isComplete());
        scan.moved(30, OPENED, "0");
        assertTrue(scan.isComplete());
    }

    @Test
    void twoAtATimeGoTheirOwnWays() {
        PrefixScan first = begun("p");
        first.moved(20, OPENED, "7");
        scans.failed("p", first);
        PrefixScan second = begun("p");
        PrefixScan third = begun("p");
        assertNotSame(second, third);
        assertEquals("0", third.cursor());
    }

    @Test
    void oneThatWasNeverAnsweredIsNotKept() {
        PrefixScan unheard = begun("p");
        scans.failed("p", unheard);
        assertNotSame(unheard, begun("p"));
    }

    @Test
    void theOldestOfManyIsForgotten() {
        for (int i = 1; i <= 2_000; i++) {
            PrefixScan scan = begun("p" + i);
            scan.moved(20, OPENED, Integer.toString(i));
            scans.failed("p" + i, scan);
        }

        assertEquals("2000", begun("p2000").cursor());
        assertEquals("0", begun("p1").cursor());
    }
}
