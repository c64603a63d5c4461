package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The demo without the older version, whose build takes minutes: two processes of today's. */
class MixedTest {
    @Test
    void twoProcessesReadWhatTheOtherWritesAndMissWhatItRemoves() throws Exception {
        String path = System.getProperty("java.class.path");
        assertTrue(Mixed.play(path, path, "this version"));
    }

    @Test
    void aCloneWithoutTheCommitSaysWhatToDo() throws Exception {
        String missing =
                Mixed.missing(Path.of("..").toAbsolutePath().normalize(), "0123456789012345678901234567890123456789");
        assertTrue(missing.contains("git fetch --unshallow") && missing.contains("-Dmixed.commit="), missing);
    }
}
