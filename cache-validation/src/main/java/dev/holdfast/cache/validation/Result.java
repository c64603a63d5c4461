package dev.holdfast.cache.validation;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a check found.
 *
 * @param check its name, of a tier's with the tier before it: {@code single: login}
 * @param mark how it ended
 * @param measured what was found, in words and figures, without secrets
 * @param remedy what would be right, with the variable that says it; {@code null} if nothing is wrong
 */
record Result(
        String check, Mark mark, String measured, @Nullable String remedy) {
    static Result ok(String check, String measured) {
        return new Result(check, Mark.OK, measured, null);
    }

    static Result skipped(String check, String why) {
        return new Result(check, Mark.SKIPPED, why, null);
    }

    static Result warning(String check, String measured, String remedy) {
        return new Result(check, Mark.WARNING, measured, remedy);
    }

    static Result failed(String check, String measured, String remedy) {
        return new Result(check, Mark.FAILED, measured, remedy);
    }

    /** The result in one line. */
    String line() {
        return String.format(Locale.ROOT, "%-4s  %-20s  %s", mark.word(), check, measured)
                + (remedy == null ? "" : "  -> " + remedy);
    }
}
