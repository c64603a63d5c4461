package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lets scripts begin with {@code #!lua flags=allow-key-locking}, which only the service knows: there they lock nothing but
 * their keys. Redis gets them without the flag, and clients keep calling them by the digest of what they sent. That a script
 * touches no other keys is not checked. Thread-safe.
 */
final class KeyLockingScripts {
    private static final String FLAG = "allow-key-locking";
    private static final Pattern FIRST_LINE = Pattern.compile("#!lua +flags=(\\S+)\\s*");

    /** From the digest of what a client sent to the digest of what Redis got; both in lower case. */
    private final Map<String, String> digests = new ConcurrentHashMap<>();

    /** The command as Redis understands it. */
    RestCommand apply(RestCommand command) {
        if (command.answer != null || command.args.size() < 2) {
            return command;
        }
        return switch (command.name()) {
            case "EVAL", "EVAL_RO" -> withScript(command, 1, RestCommand.ReplyChange.NONE);
            case "EVALSHA", "EVALSHA_RO" -> withDigests(command, 1, 2);
            case "SCRIPT" -> ofScript(command);
            default -> command;
        };
    }

    private RestCommand ofScript(RestCommand command) {
        int size = command.args.size();
        return switch (command.upper(1)) {
            case "LOAD" ->
                size == 3
                        ? withScript(
                                command,
                                2,
                                (reply, redis) -> reply instanceof RespError ? reply : digest(command.args.get(2)))
                        : command;
            case "EXISTS" -> withDigests(command, 2, size);
            default -> command;
        };
    }

    private RestCommand withScript(RestCommand command, int index, RestCommand.ReplyChange change) {
        byte[] script = command.args.get(index);
        byte[] plain = withoutFlag(script);
        if (plain == script) {
            return command;
        }
        digests.put(hex(script), hex(plain));
        List<byte[]> args = new ArrayList<>(command.args);
        args.set(index, plain);
        return command.rewritten(args, change);
    }

    private RestCommand withDigests(RestCommand command, int from, int to) {
        List<byte[]> args = new ArrayList<>(command.args);
        args.subList(from, to).replaceAll(digest -> {
            String known = digests.get(new String(digest, UTF_8).toLowerCase(Locale.ROOT));
            return known == null ? digest : known.getBytes(US_ASCII);
        });
        return command.rewritten(args, command.change);
    }

    /** The same array if there is no such flag. Where it is the only one its line stays empty, so that errors count lines right. */
    private static byte[] withoutFlag(byte[] script) {
        String text = new String(script, ISO_8859_1);
        int end = text.indexOf('\n');
        Matcher line = FIRST_LINE.matcher(end < 0 ? text : text.substring(0, end));
        if (!line.matches()) {
            return script;
        }
        List<String> flags = new ArrayList<>(List.of(line.group(1).split(",")));
        if (!flags.remove(FLAG)) {
            return script;
        }
        String first = flags.isEmpty() ? "" : "#!lua flags=" + String.join(",", flags);
        return (first + (end < 0 ? "" : text.substring(end))).getBytes(ISO_8859_1);
    }

    private static byte[] digest(byte[] script) {
        return hex(script).getBytes(US_ASCII);
    }

    private static String hex(byte[] script) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(script));
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError("every JDK has SHA-1", impossible);
        }
    }
}
