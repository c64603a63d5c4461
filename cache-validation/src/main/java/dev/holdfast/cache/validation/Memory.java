package dev.holdfast.cache.validation;

import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How much memory a server may use, and what it does when that is full.
 *
 * @param used bytes in use
 * @param bound the most; 0 for none
 * @param policy {@code maxmemory_policy}; {@code null} if the server does not say
 */
record Memory(long used, long bound, @Nullable String policy) {

    /** Asks a server; throws {@link RefusedException} if this user may not know. */
    static Memory of(Conversation server) {
        return parse(String.valueOf(server.ask("INFO", "memory")));
    }

    static Memory parse(String info) {
        Map<String, String> fields = new TreeMap<>();
        info.lines().filter(line -> line.indexOf(':') > 0).forEach(line -> {
            int colon = line.indexOf(':');
            fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
        });
        return new Memory(
                number(fields.get("used_memory")), number(fields.get("maxmemory")), fields.get("maxmemory_policy"));
    }

    private static long number(@Nullable String digits) {
        return digits == null || !digits.matches("[0-9]{1,18}") ? 0 : Long.parseLong(digits);
    }

    /** What is said of it. */
    static Result check(String check, Target target, Conversation server) {
        try {
            return of(server).judged(check, target);
        } catch (RefusedException e) {
            return Result.warning(
                    check,
                    target + " does not say what it does when its memory is full",
                    "let the user of " + target.variables().credentials() + " ask: ACL SETUSER " + target.userName()
                            + " +info");
        }
    }

    Result judged(String check, Target target) {
        String place = "on the server that " + target.variables().place() + " names ";
        String measured = String.format(
                Locale.ROOT,
                "%s uses %.1f MiB of %s, %s",
                target,
                used / 1048576.0,
                bound == 0 ? "memory without a bound" : String.format(Locale.ROOT, "%.1f MiB", bound / 1048576.0),
                policy == null ? "its policy is not known" : policy);
        if (policy == null) {
            return Result.ok(check, measured);
        }
        if (policy.equals("noeviction")) {
            return Result.warning(
                    check,
                    measured,
                    place + "set maxmemory-policy to allkeys-lru or allkeys-lfu: a full cache must forget, not refuse");
        }
        if (bound == 0) {
            return Result.warning(check, measured, place + "set maxmemory, or its host's memory is the bound");
        }
        return Result.ok(check, measured);
    }
}
