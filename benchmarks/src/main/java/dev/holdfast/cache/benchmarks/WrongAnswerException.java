package dev.holdfast.cache.benchmarks;

import java.io.Serial;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A client that answered with another value than its key's: its figures are worth nothing. */
final class WrongAnswerException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    WrongAnswerException(String message) {
        super(message);
    }

    static void require(byte[] expected, byte @Nullable [] answer) {
        if (!Arrays.equals(expected, answer)) {
            throw new WrongAnswerException("expected " + expected.length + " bytes and got "
                    + (answer == null ? "nothing" : answer.length + " others"));
        }
    }

    static void require(String expected, @Nullable String answer) {
        if (!expected.equals(answer)) {
            throw new WrongAnswerException("expected " + expected + " and got " + answer);
        }
    }
}
