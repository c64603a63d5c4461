package dev.holdfast.cache.spi;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * An atomic step that Redis has no command for, the same in every store on a Redis, so that a key means the same in all. For
 * implementations of stores: sent by {@code EVALSHA}, and by {@code EVAL} where the server answers {@code NOSCRIPT}.
 *
 * <p>A time to live is in milliseconds, or empty for ever. Errors of the first command that changes something are handed on
 * by {@code pcall}, which keeps their code in front on every version of Redis. Sums are read back by {@code GET}, since
 * Lua's numbers hold 53 bits only.
 *
 * @see <a href="https://redis.io/docs/latest/develop/programmability/eval-intro/">Scripting with Lua</a>
 */
public enum RedisScript {
    /** {@code KEYS} key; {@code ARGV} expected value, new value, time to live. Answers 1 if the value was replaced, else 0. */
    REPLACE("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            local done
            if ARGV[3] == '' then done = redis.pcall('SET', KEYS[1], ARGV[2])
            else done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            if done.err then return done end
            return 1"""),

    /**
     * {@code KEYS} keys; {@code ARGV} tombstone, its time to live, how many bytes of it are the same in every tombstone. Answers how many keys
     * held something else than a tombstone. Where there is no room to write, a key is removed: that is never refused for want of memory.
     */
    REMOVE_LEAVING("""
            local lead = string.sub(ARGV[1], 1, ARGV[3])
            local found = 0
            for _, key in ipairs(KEYS) do
              local held = redis.pcall('GET', key)
              local done
              if ARGV[2] == '' then done = redis.pcall('SET', key, ARGV[1])
              else done = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2]) end
              if done.err then
                done = redis.pcall('UNLINK', key)
                if type(done) == 'table' and done.err then return done end
              end
              if held and not (type(held) == 'string' and #held == #ARGV[1] and string.sub(held, 1, ARGV[3]) == lead) then
                found = found + 1
              end
            end
            return found"""),

    /** {@code KEYS} key; {@code ARGV} expected value. Answers 1 if it was removed, else 0. */
    REMOVE("""
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            return redis.pcall('UNLINK', KEYS[1])"""),

    /** {@code KEYS} keys; {@code ARGV} how each one's value is to begin, how many bytes that are at most. Answers how many were removed, since it did. */
    REMOVE_HEADED("""
            local removed = 0
            for i, key in ipairs(KEYS) do
              if redis.pcall('GETRANGE', key, 0, ARGV[#ARGV] - 1) == ARGV[i] then
                local done = redis.pcall('UNLINK', key)
                if type(done) == 'table' and done.err then return done end
                removed = removed + done
              end
            end
            return removed"""),

    /** {@code KEYS} key. Answers 1 if it is there, now for ever, else 0; PERSIST alone says 0 also where it was for ever before. */
    PERSIST("""
            if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
            local done = redis.pcall('PERSIST', KEYS[1])
            if type(done) == 'table' and done.err then return done end
            return 1"""),

    /** {@code KEYS} key; {@code ARGV} delta, time to live if this creates it. Answers the sum, as text. */
    INCREMENT("""
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
            if type(done) == 'table' and done.err then return done end
            if created and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            return redis.call('GET', KEYS[1])"""),

    /**
     * {@code KEYS} key, marker; {@code ARGV} delta, time to live if this creates it, the marker's time to live. Adds nothing if
     * the marker is there, which holds the sum. Answers the sum, as text.
     */
    INCREMENT_ONCE("""
            local earlier = redis.call('GET', KEYS[2])
            if earlier then return earlier end
            local created = redis.call('EXISTS', KEYS[1]) == 0
            local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
            if type(done) == 'table' and done.err then return done end
            if created and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
            local sum = redis.call('GET', KEYS[1])
            redis.call('SET', KEYS[2], sum, 'PX', ARGV[3])
            return sum"""),

    /**
     * A {@link Beat}. {@code KEYS} members by their last clean beat, members by their last beat, floors; {@code ARGV} member, standing
     * ({@code C}, {@code B} or {@code L}), when sent, period, how long a member may be silent, whether the server was away (1 or 0), the known
     * version, the server's time that is known, then floors with their names. Answers as text: the server's time, the age of the oldest clean beat of
     * the others, the pace, the version, then names and floors if the version is another. The keys are {@link Roll#KEYS}.
     *
     * <p>Time is the server's, and never goes back by more than a tenth of a second: it is at least what was said before that, and what a member says that
     * it sent. Who was silent is looked for once a second, and what is only to be kept up is written no more often than it takes: a beat has two writes.
     * A beat is as old as its sender says. Keys that are not whole, or that lack what a member was told more than two seconds ago, begin anew, with a
     * member that nobody knows and that is never clean: who was on the lost roll may have been behind. What went back has lost removals besides. Where
     * nobody was heard for half of the time to be silent, silence counts from now. Beyond three hundred floors the lowest gives way: the floor of all is
     * raised to it. A version is no lower than the time at which it began, so that one which a server has lost is not begun again. All is read before anything is written, so that who may
     * only do a part of it does nothing.
     */
    BEAT("""
            local members, heard, floors, self = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
            local function text(n) return string.format('%.0f', n) end
            local time = redis.call('TIME')
            local fields, count = {}, 0
            local all = redis.call('HGETALL', floors)
            for i = 1, #all, 2 do
              fields[all[i]] = tonumber(all[i + 1])
              count = count + 1
            end
            local lowest = redis.call('ZRANGE', members, 0, 1, 'WITHSCORES')
            local last = redis.call('ZREVRANGE', heard, 0, 1, 'WITHSCORES')
            local whole = redis.call('ZSCORE', members, '#') and last[1] == '#'
            local before = tonumber(redis.call('ZSCORE', heard, self) or '0')
            local clean = tonumber(redis.call('ZSCORE', members, self) or '0')
            local sent, forget, known = tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[8])
            local was = fields['#now'] or 0
            local now = math.max(time[1] * 1000 + math.floor(time[2] / 1000), was, sent)
            local version = fields['#version'] or 0
            local lost = {}
            if math.floor(was / 1000) ~= math.floor(now / 1000) then
              lost = redis.call('ZRANGEBYSCORE', heard, '-inf', text(now - forget), 'LIMIT', 0, 16)
            end
            local function set(name, value)
              fields[name] = value
              redis.call('HSET', floors, name, text(value))
            end
            local function put(name, at)
              if (fields[name] or 0) >= at then return end
              if not fields[name] then count = count + 1 end
              version = math.max(version + 1, now)
              set(name, at)
              set('#version', version)
            end
            local function raise(name, at)
              if fields[name] or count <= 300 then return put(name, at) end
              local oldest, low = name, at
              for other, value in pairs(fields) do
                if #other > 1 and string.sub(other, 1, 1) ~= '#' and (value < low or (value == low and other < oldest)) then
                  oldest, low = other, value
                end
              end
              put('*', low)
              if oldest ~= name then
                redis.call('HDEL', floors, oldest)
                fields[oldest] = nil
                count = count - 1
                put(name, at)
              end
            end
            if now - was >= 100 then set('#now', now) end
            local back = was > 0 and was < known - 2000
            local anew = not whole or version == 0 or back
            if anew then
              redis.call('ZADD', members, '+inf', '#', 0, '?')
              redis.call('ZADD', heard, '+inf', '#', text(now), '?')
              version = math.max(version, now)
              set('#version', version)
            end
            if math.floor(was / 3600000) ~= math.floor(now / 3600000) then
              for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 2592000000) end
            end
            if back then
              raise('*', now)
              raise('+', now)
            end
            local latest = last[1] == '#' and last[4] or last[2]
            if latest and now - tonumber(latest) > forget / 2 then
              set('#silent', now)
              set('#away', now)
            elseif ARGV[6] == '1' then
              set('#away', now)
            end
            if ARGV[2] == 'L' then
              if before <= sent then
                redis.call('ZREM', members, self)
                redis.call('ZREM', heard, self)
              end
            elseif sent < 0 then
              redis.call('ZADD', members, 'NX', 0, self)
              redis.call('ZADD', heard, text(now), self)
            else
              clean = math.max(1, clean)
              if ARGV[2] == 'C' then clean = math.max(clean, sent) end
              redis.call('ZADD', members, text(clean), self)
              redis.call('ZADD', heard, text(math.max(before, sent)), self)
            end
            if now - (fields['#silent'] or 0) >= forget then
              for _, gone in ipairs(lost) do
                local said = tonumber(redis.call('ZSCORE', heard, gone) or now)
                if gone ~= self and now - said >= forget then
                  local clean = tonumber(redis.call('ZSCORE', members, gone) or '0')
                  anew = true
                  redis.call('ZREM', members, gone)
                  redis.call('ZREM', heard, gone)
                  raise('+', now)
                  if clean > 0 and (clean < said or (fields['#away'] or 0) > said) then raise('*', now) end
                end
              end
            end
            for i = 9, #ARGV, 2 do raise(ARGV[i], tonumber(ARGV[i + 1])) end
            local period = tonumber(ARGV[4])
            local pace, paced = fields['#pace'] or -1, fields['#paced'] or 0
            if now - paced > 60000 then pace = -1 end
            if period > 0 and (pace < 0 or period < pace or (period == pace and now - paced > 10000)) then
              pace = period
              set('#pace', pace)
              set('#paced', now)
            end
            if anew then lowest = redis.call('ZRANGE', members, 0, 1, 'WITHSCORES') end
            local age = -1
            for i = 1, 3, 2 do
              if age < 0 and lowest[i] and lowest[i] ~= self and lowest[i] ~= '#' then
                age = math.max(0, now - tonumber(lowest[i + 1]))
              end
            end
            local answer = {text(now), text(age), text(pace), text(version)}
            if text(version) ~= ARGV[7] then
              for name, value in pairs(fields) do
                if string.sub(name, 1, 1) ~= '#' then
                  table.insert(answer, name)
                  table.insert(answer, text(value))
                end
              end
            end
            return answer""");

    private final String text;
    private final String sha1;

    RedisScript(String text) {
        this.text = text;
        this.sha1 = digest(text);
    }

    /**
     * Returns the script.
     *
     * @return Lua, in ASCII
     */
    public String text() {
        return text;
    }

    /**
     * Returns what the server knows the script by.
     *
     * @return its SHA-1, 40 hexadecimal digits in lower case
     */
    public String sha1() {
        return sha1;
    }

    private static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(text.getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-1", e);
        }
    }
}
