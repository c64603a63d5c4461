package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.KeyFailures;
import dev.holdfast.cache.spi.RedisScript;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The commands of one call with several keys, one for each key. Of one thread. */
final class KeyedCommands {
    private final List<String> keys;
    private final List<Request> commands;
    private final List<Scripted> scripted = new ArrayList<>();

    KeyedCommands(int size) {
        this.keys = new ArrayList<>(size);
        this.commands = new ArrayList<>(size);
    }

    /** A script that the server may not know, and where its command stands. */
    private record Scripted(int index, RedisScript script, List<byte[]> keys, List<byte[]> arguments) {
        Request command(boolean inFull) {
            return Request.script(script, inFull, true, keys, arguments);
        }
    }

    void add(String key, Request command) {
        keys.add(key);
        commands.add(command);
    }

    void add(String key, RedisScript script, List<byte[]> serverKeys, List<byte[]> arguments) {
        Scripted added = new Scripted(keys.size(), script, serverKeys, arguments);
        scripted.add(added);
        add(key, added.command(false));
    }

    /** Runs them; throws if any fails. Returns the keys whose commands found that a condition did not hold. */
    Set<String> run(Calls calls, long end) {
        List<@Nullable Object> replies = calls.sendAll(commands, end);
        List<Scripted> unknown = new ArrayList<>(scripted);
        unknown.removeIf(each -> each.index() >= replies.size()
                || !(replies.get(each.index()) instanceof CacheRejectedException e && JedisErrors.isUnknownScript(e)));
        List<@Nullable Object> inFull =
                calls.sendAll(unknown.stream().map(each -> each.command(true)).toList(), end);
        for (int i = 0; i < inFull.size(); i++) {
            replies.set(unknown.get(i).index(), inFull.get(i));
        }
        throwFailure(replies);
        Set<String> unmet = new LinkedHashSet<>();
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) == null || Long.valueOf(0).equals(replies.get(i))) {
                unmet.add(keys.get(i));
            }
        }
        return unmet;
    }

    private void throwFailure(List<@Nullable Object> replies) {
        KeyFailures failures = new KeyFailures();
        for (int i = 0; i < keys.size(); i++) {
            if (i >= replies.size()) {
                failures.add(keys.get(i), null);
            } else if (replies.get(i) instanceof RuntimeException why) {
                failures.add(keys.get(i), why);
            }
        }
        failures.throwIfAny(Map.of());
    }
}
