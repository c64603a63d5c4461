package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where the service differs from {@code redis-server}: what it refuses over REST, what it hasn't got, and what it
 * answers otherwise. Immutable.
 *
 * <p>One difference is not reproduced: a script that fails part-way leaves nothing written there, and here what it had written.
 */
final class CommandRules {
    private static final Set<String> NOT_OVER_REST = Set.of(
            "MULTI",
            "EXEC",
            "WATCH",
            "UNWATCH",
            "DISCARD",
            "SUBSCRIBE",
            "PSUBSCRIBE",
            "SSUBSCRIBE",
            "UNSUBSCRIBE",
            "PUNSUBSCRIBE",
            "SUNSUBSCRIBE",
            "MONITOR",
            "BLPOP",
            "BRPOP",
            "BRPOPLPUSH",
            "BLMOVE",
            "BLMPOP",
            "BZPOPMIN",
            "BZPOPMAX",
            "BZMPOP",
            "AUTH",
            "HELLO",
            "SELECT",
            "QUIT",
            "RESET",
            "CLIENT",
            "WAIT");
    private static final Set<String> NOT_AVAILABLE = Set.of(
            "CLUSTER",
            "ASKING",
            "READONLY",
            "READWRITE",
            "SHUTDOWN",
            "DEBUG",
            "REPLICAOF",
            "SLAVEOF",
            "REPLCONF",
            "SYNC",
            "PSYNC",
            "FAILOVER",
            "ROLE",
            "MIGRATE",
            "MODULE",
            "CONFIG",
            "SAVE",
            "BGSAVE",
            "BGREWRITEAOF",
            "LASTSAVE",
            "LATENCY",
            "SLOWLOG",
            "SWAPDB",
            "MOVE",
            "PFDEBUG",
            "PFSELFTEST",
            "RESTORE-ASKING");

    private final long maxRequestBytes;

    CommandRules(long maxRequestBytes) {
        this.maxRequestBytes = maxRequestBytes;
    }

    /** The command as it may be run, or with its refusal. */
    RestCommand apply(RestCommand command) {
        if (command.answer != null) {
            return command;
        }
        String name = command.name();
        String tooLarge = tooLarge(command.bytes());
        if (tooLarge != null) {
            return command.refuse(tooLarge);
        }
        if (NOT_OVER_REST.contains(name) || (name.startsWith("XREAD") && blocks(command))) {
            return command.refuse(
                    "ERR Command \"" + name + "\" is not allowed in REST or it has a special context path");
        }
        if (NOT_AVAILABLE.contains(name)) {
            return command.refuse(notAvailable(name));
        }
        return switch (name) {
            case "UNLINK" -> command.args.size() == 1 ? command.answered(0L) : command;
            case "COPY" -> isCopyOntoItself(command) ? command.answered(0L) : command;
            case "SCAN" -> withTypes(command);
            case "ZRANGE" -> withLimit(command);
            default -> command;
        };
    }

    static String notAvailable(String name) {
        return "ERR Command is not available: '" + name
                + "'. See https://upstash.com/docs/redis/overall/rediscompatibility for details";
    }

    /** The error for arguments, or a result, of so many bytes; null if they are not too many. */
    @Nullable
    String tooLarge(long bytes) {
        return bytes <= maxRequestBytes
                ? null
                : "ERR max request size exceeded. Limit: " + maxRequestBytes + " bytes, Actual: " + bytes
                        + " bytes. See https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded for details";
    }

    private static boolean blocks(RestCommand command) {
        // After GROUP come two names, which may be any.
        int first = command.name().equals("XREADGROUP") ? 4 : 1;
        for (int i = first; i < command.args.size() && !command.upper(i).equals("STREAMS"); i++) {
            if (command.upper(i).equals("BLOCK")) {
                return true;
            }
        }
        return false;
    }

    private static boolean isCopyOntoItself(RestCommand command) {
        int size = command.args.size();
        return (size == 3 || (size == 4 && command.upper(3).equals("REPLACE")))
                && Arrays.equals(command.args.get(1), command.args.get(2));
    }

    /** {@code SCAN 0 WITHTYPE} answers {@code ["0",["key","type",…]]}. */
    private static RestCommand withTypes(RestCommand command) {
        int option = indexOf(command, "WITHTYPE", 2);
        if (option < 0) {
            return command;
        }
        List<byte[]> args = new ArrayList<>(command.args);
        args.remove(option);
        return command.rewritten(args, (reply, redis) -> {
            if (!(reply instanceof List<?> page)) {
                return reply;
            }
            List<?> keys = (List<?>) page.get(1);
            for (Object key : keys) {
                redis.send(List.of("TYPE".getBytes(US_ASCII), (byte[]) key));
            }
            redis.flush();
            List<@Nullable Object> typed = new ArrayList<>();
            for (Object key : keys) {
                typed.add(key);
                typed.add(redis.receive());
            }
            return Arrays.asList(page.get(0), typed);
        });
    }

    /** {@code ZRANGE key start stop LIMIT offset count}: Redis has the option only for ranges of scores and of words. */
    private static RestCommand withLimit(RestCommand command) {
        int option = indexOf(command, "LIMIT", 4);
        if (option < 0
                || option + 2 >= command.args.size()
                || indexOf(command, "BYSCORE", 4) >= 0
                || indexOf(command, "BYLEX", 4) >= 0) {
            return command;
        }
        int offset;
        int count;
        try {
            offset = Integer.parseInt(new String(command.args.get(option + 1), UTF_8));
            count = Integer.parseInt(new String(command.args.get(option + 2), UTF_8));
        } catch (NumberFormatException e) {
            return command.refuse("ERR value is not an integer or out of range");
        }
        int width = indexOf(command, "WITHSCORES", 4) < 0 ? 1 : 2;
        List<byte[]> args = new ArrayList<>(command.args);
        args.subList(option, option + 3).clear();
        return command.rewritten(args, (reply, redis) -> {
            if (!(reply instanceof List<?> all)) {
                return reply;
            }
            long from = offset < 0 ? all.size() : Math.min(all.size(), (long) offset * width);
            long to = count < 0 ? all.size() : Math.min(all.size(), from + (long) count * width);
            return new ArrayList<>(all.subList((int) from, (int) to));
        });
    }

    private static int indexOf(RestCommand command, String option, int from) {
        for (int i = from; i < command.args.size(); i++) {
            if (command.args.get(i).length == option.length()
                    && command.upper(i).equals(option)) {
                return i;
            }
        }
        return -1;
    }
}
