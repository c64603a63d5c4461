package dev.holdfast.streams;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** What must be atomic and no command of Redis is. The keys of each are in one slot, so each works in a cluster, but for {@link #ANSWER}. */
enum Script {
    /**
     * Reply stream; its time to live. Keeps it, or makes it: answers 1 if it was gone. A server without memory says so, which it does of {@code SET}, even of
     * one that changes nothing, but not of {@code PEXPIRE}.
     */
    KEEP_REPLIES("""
            if redis.call('PTTL', KEYS[1]) ~= -2 then
              local room = redis.pcall('SET', KEYS[1], '', 'NX')
              redis.call('PEXPIRE', KEYS[1], ARGV[1])
              if type(room) == 'table' and room.err then return room end
              return 0
            end
            local made = redis.pcall('XADD', KEYS[1], '*', 'i', '')
            if type(made) == 'table' and made.err then return made end
            redis.call('PEXPIRE', KEYS[1], ARGV[1])
            return 1"""),

    /**
     * Request stream; longest length, id, reply stream, limit, payload. Answers the entry's id, or 0 if the stream is full. The request names the server's time at which it
     * is over, since its entry's id may be ahead of that: after a failover to a slow clock.
     */
    ADD("""
            if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
            local now = redis.call('TIME')
            local over = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[4])
            return redis.pcall('XADD', KEYS[1], '*', 'i', ARGV[2], 'r', ARGV[3], 'l', ARGV[4], 'd', over, 'p', ARGV[5])"""),

    /**
     * Reply stream; bytes, entries. The first entries, so many bytes and so many entries of them at most, but always one if there is one.
     */
    READ_REPLIES("""
            local found, bytes, from = {}, 0, '-'
            while #found < tonumber(ARGV[2]) do
              local next = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1]
              if not next then break end
              for i = 2, #next[2], 2 do bytes = bytes + #next[2][i] end
              if #found > 0 and bytes > tonumber(ARGV[1]) then break end
              found[#found + 1] = next
              from = '(' .. next[1]
            end
            return found"""),

    /** Reply stream. Removes the first entry and answers the id of its call. */
    DROP_REPLY("""
            local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
            if not first then return false end
            redis.call('XDEL', KEYS[1], first[1])
            return first[2][2]"""),

    /**
     * Done key, tries key; owner, lease, time for which tries are counted, 1 if it may be one whose runs have begun and never ended, else 0. Makes
     * the owner the one who runs it, or goes on being so: answers how many runs have begun since one has ended, this one included; 0 if it may not
     * be run. Else what stands there. A lease without an end is nobody's.
     */
    BEGIN("""
            local now = redis.call('GET', KEYS[1])
            local kind = now and string.byte(now)
            if kind == 83 or kind == 70 then return now end
            local ours = now == ARGV[1]
            if kind == 82 and not ours and redis.call('PTTL', KEYS[1]) >= 0 then return now end
            local others = redis.pcall('SCARD', KEYS[2])
            if type(others) == 'table' then return others end
            if not ours and others > 0 and ARGV[4] == '0' then return 0 end
            local done = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
            if done.err then return done end
            local added = redis.pcall('SADD', KEYS[2], ARGV[1])
            if type(added) == 'table' then return added end
            redis.call('PEXPIRE', KEYS[2], ARGV[3])
            return redis.call('SCARD', KEYS[2])"""),

    /**
     * Done keys, then the tries key of each; lease, time for which tries are counted, 1 if the owners are known to run still, else 0, the owner of each. The owners go on
     * running them, but for those that somebody else runs or has ended. A lease that is gone is made again if its owner's run is counted; answers which of
     * the owners, from 1 on, have neither: their runs have ended, or Redis has forgotten them.
     */
    KEEP("""
            local ids = #KEYS / 2
            local unknown = {}
            for i = 1, ids do
              local owner = ARGV[i + 3]
              local now = redis.pcall('GET', KEYS[i])
              if now == owner then
                redis.call('PEXPIRE', KEYS[i], ARGV[1])
              elseif not now then
                local added = redis.pcall('SADD', KEYS[ids + i], owner)
                if added == 1 and ARGV[3] == '0' then
                  redis.call('SREM', KEYS[ids + i], owner)
                  unknown[#unknown + 1] = i
                else
                  redis.pcall('SET', KEYS[i], owner, 'PX', ARGV[1])
                  redis.pcall('PEXPIRE', KEYS[ids + i], ARGV[2])
                end
              end
            end
            return unknown"""),

    /**
     * Done key, tries key; owner, result, window. Keeps the first result: answers nil if it is this one, else the earlier. A failure is not kept
     * while another than the owner runs it: answers that one's name.
     */
    FINISH("""
            local now = redis.call('GET', KEYS[1])
            local kind = now and string.byte(now)
            if kind == 83 or kind == 70 then return now end
            if kind == 82 and now ~= ARGV[1] and string.byte(ARGV[2]) == 70 then
              redis.pcall('SREM', KEYS[2], ARGV[1])
              return now
            end
            local done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            if done.err then return done end
            redis.call('DEL', KEYS[2])
            return false"""),

    /**
     * Done key, tries key, reply stream, request stream; owner, result, window, id, most replies, group, entry. Keeps the result, adds it to the replies and removes
     * the request, if the owner is the one who runs it still. Answers how far that came: 0 nothing was done, 1 the result is kept, 2 it was
     * added too, 3 all. The reply stream is in a slot of its own, so this is for a single server.
     */
    ANSWER("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            if redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]).err then return 0 end
            redis.pcall('DEL', KEYS[2])
            local added = redis.pcall('XADD', KEYS[3], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[5], '*',
                'i', ARGV[4], 'a', ARGV[2])
            if type(added) ~= 'string' then return 1 end
            local removed = redis.pcall('XDEL', KEYS[4], ARGV[7])
            if type(removed) == 'table' then return 2 end
            local acknowledged = redis.pcall('XACK', KEYS[4], ARGV[6], ARGV[7])
            if type(acknowledged) == 'table' then return 2 end
            return 3"""),

    /**
     * Request stream; group, entries. Removes requests that are done, each from the stream first: one that was only acknowledged would be nobody's and in the
     * stream for ever, and one that was only removed is found among what is pending. Answers how many.
     */
    REMOVE("""
            for i = 2, #ARGV do
              local removed = redis.pcall('XDEL', KEYS[1], ARGV[i])
              if type(removed) == 'table' then return removed end
              local acknowledged = redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[i])
              if type(acknowledged) == 'table' then return acknowledged end
            end
            return #ARGV - 1"""),

    /**
     * Done key, tries key; owner, 1 if its handler was started, else 0. Its run counts no more, and nobody runs the id if it was the owner. One that was
     * started has ended, so those that never did are forgotten.
     */
    DROP("""
            redis.pcall('SREM', KEYS[2], ARGV[1])
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
            return redis.call('DEL', KEYS[1])"""),

    /**
     * Request stream; group, consumer, deliveries or nothing, entries. The sign of life for those of the entries that are the consumer's still;
     * sets how often they were delivered, if that is said.
     */
    CLAIM("""
            local ours = 0
            for i = 4, #ARGV do
              if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
                ours = ours + 1
                if ARGV[3] == '' then
                  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
                else
                  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'RETRYCOUNT', ARGV[3], 'JUSTID')
                end
              end
            end
            return ours"""),

    /** Dead letters; most of them, their age, then fields. Adds one, and removes those that are too many or too old. */
    BURY("""
            local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 3))
            if type(added) == 'table' then return added end
            local oldest = tonumber(string.match(added, '^%d+')) - tonumber(ARGV[2])
            redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', math.max(0, oldest)))
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            return added"""),

    /**
     * Request stream; entries. Of the first of them, as many as have a megabyte together, each one's call's id, reply stream,
     * limit and deadline, empty if it names none; nil for one that is gone or has none.
     */
    HEADS("""
            local heads = {}
            local bytes = 0
            for i, entry in ipairs(ARGV) do
              if bytes > 1048576 then break end
              local found = redis.call('XRANGE', KEYS[1], entry, entry)[1]
              local is = {}
              if found then
                for j = 1, #found[2], 2 do
                  is[found[2][j]] = found[2][j + 1]
                  bytes = bytes + #found[2][j + 1]
                end
              end
              heads[i] = is.i and is.r and is.l and {is.i, is.r, is.l, is.d or ''} or false
            end
            return heads"""),

    /**
     * Request stream; entry, bytes. The entry, of whose values each is cut to so many bytes, and how many its payload has; nil if it is gone.
     */
    BEGINNING("""
            local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
            if not found then return false end
            local bytes = 0
            for i = 1, #found[2], 2 do
              local value = found[2][i + 1]
              if found[2][i] == 'p' then bytes = #value end
              found[2][i + 1] = string.sub(value, 1, tonumber(ARGV[2]))
            end
            return {found, bytes}"""),

    /** Done keys. Of each 1 if it has an answer, else 0. */
    ANSWERED("""
            local answered = {}
            for i, key in ipairs(KEYS) do
              local kind = redis.pcall('GETRANGE', key, 0, 0)
              answered[i] = (kind == 'S' or kind == 'F') and 1 or 0
            end
            return answered"""),

    /** Request stream. The time of the server that has it: seconds and microseconds. */
    TIME("return redis.call('TIME')"),

    /** Request stream; group, a name, idle. Removes consumers with nothing pending: that one, and who is idle for so many ms. */
    REMOVE_CONSUMERS("""
            local removed = 0
            for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
              local is = {}
              for i = 1, #consumer, 2 do is[consumer[i]] = consumer[i + 1] end
              if is.pending == 0 and (is.name == ARGV[2] or is.idle >= tonumber(ARGV[3])) then
                redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], is.name)
                removed = removed + 1
              end
            end
            return removed""");

    private final String text;
    private final String sha1;

    Script(String text) {
        this.text = text;
        try {
            sha1 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(text.getBytes(US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1", e);
        }
    }

    /** The call; {@code arguments} are {@code byte[]}, {@code String} or numbers. */
    Command on(byte[] key, Object... arguments) {
        return Command.script(sha1, text, 1, key, arguments);
    }

    /** The call of one with any number of keys, one at least. */
    Command onAll(List<byte[]> keys, Object... arguments) {
        List<Object> rest = new ArrayList<>(keys.subList(1, keys.size()));
        rest.addAll(List.of(arguments));
        return Command.script(sha1, text, keys.size(), keys.get(0), rest.toArray());
    }

    /** The call of one with two keys. */
    Command onBoth(byte[] key, byte[] second, Object... arguments) {
        return onAll(List.of(key, second), arguments);
    }
}
