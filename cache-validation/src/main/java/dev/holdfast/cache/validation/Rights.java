package dev.holdfast.cache.validation;

import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.spi.RedisScript;
import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which of the commands that the stores need a server lets this user use: each is tried on keys of this run, all of which expire within a minute.
 *
 * @param tried how many commands were tried
 * @param refused those that are refused, as rules of an ACL name them: {@code unlink}, {@code cluster|slots}
 * @param keysRefused whether it is the keys that this user may not use
 * @param state the first error that is no matter of rights: a full server, a replica; {@code null} if there is none
 */
record Rights(
        int tried,
        Set<String> refused,
        boolean keysRefused,
        @Nullable String state) {

    private static final String MINUTE = "60000";
    private static final int KEYS_OF_OTHER_SLOTS = 16;

    /**
     * Tries them.
     *
     * @param key a key that nobody else has, of a slot of that server
     */
    static Rights of(Conversation server, String tier, String key) {
        List<String[]> commands = new ArrayList<>(List.of(
                words("PING"),
                // While there is nothing, so that it changes nothing.
                words("PERSIST", key),
                words("SET", key, "0", "PX", MINUTE),
                words("GET", key),
                words("EXISTS", key),
                words("PTTL", key),
                words("PEXPIRE", key, MINUTE),
                words("INCRBY", key, "1"),
                words("EVALSHA", RedisScript.INCREMENT.sha1(), "1", key, "1", MINUTE),
                words("EVAL", RedisScript.INCREMENT.text(), "1", key, "1", MINUTE),
                words("SCAN", "0", "MATCH", key, "COUNT", "10"),
                words("UNLINK", key)));
        if (tier.equals(Environment.CLUSTER)) {
            commands.add(words("CLUSTER", "SLOTS"));
            commands.add(words("ASKING"));
            return tried(server, commands);
        }
        commands.add(words("MGET", key));
        Rights rights = tried(server, commands);
        String elsewhere = rights.state == null && rights.refused.isEmpty() ? elsewhere(server, key) : null;
        return elsewhere == null ? rights : new Rights(rights.tried, rights.refused, rights.keysRefused, elsewhere);
    }

    private static String[] words(String... words) {
        return words;
    }

    private static Rights tried(Conversation server, List<String[]> commands) {
        Set<String> refused = new LinkedHashSet<>();
        boolean keys = false;
        String state = null;
        for (String[] words : commands) {
            try {
                server.ask(words);
            } catch (RefusedException e) {
                if (e.isForRights()) {
                    keys |= e.text().contains("key");
                    refused.add(rule(words));
                } else if (!e.code().equals("NOSCRIPT") && state == null) {
                    state = e.text();
                }
            }
        }
        return new Rights(commands.size(), refused, keys, state);
    }

    /** What a node of a cluster answers that is asked as if it were alone; so many keys are not all of its slots. {@code null} if it is alone. */
    private static @Nullable String elsewhere(Conversation server, String key) {
        for (int i = 0; i < KEYS_OF_OTHER_SLOTS; i++) {
            try {
                server.ask("GET", key + i);
            } catch (RefusedException e) {
                if (e.code().equals("MOVED")) {
                    return e.text();
                }
            }
        }
        return null;
    }

    private static String rule(String[] words) {
        String name = words[0].toLowerCase(Locale.ROOT);
        return name.equals("cluster") ? name + '|' + words[1].toLowerCase(Locale.ROOT) : name;
    }

    /** What is said of the commands. */
    Result commands(String check, Target target, Environment environment) {
        if (refused.isEmpty()) {
            return Result.ok(check, tried + " commands are allowed");
        }
        String names = String.join(", ", refused).toUpperCase(Locale.ROOT);
        return Result.failed(check, target + " refuses " + names, remedy(target, environment));
    }

    private String remedy(Target target, Environment environment) {
        if (target.rest() != null) {
            return "let " + target.variables().credentials() + " have a token that may write and knows these commands";
        }
        String prefix = environment
                .settings()
                .text("REDIS_KEY_PREFIX")
                .map(own -> own + ':')
                .orElse("");
        return "the user of " + target.variables().credentials() + " needs: ACL SETUSER " + target.userName()
                + (keysRefused ? " ~" + prefix + '*' : "") + " +" + String.join(" +", refused);
    }

    /** What is said of writing. */
    Result writes(String check, Target target) {
        if (state == null) {
            return Result.ok(check, target + " takes writes");
        }
        return Result.failed(check, target + " refuses: " + ForeignText.shown(state), Refusals.remedy(state, target));
    }
}
