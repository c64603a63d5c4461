package dev.holdfast.cache.monitor;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import okhttp3.ConnectionPool;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.Buffer;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/**
 * Sends to a webhook. Connects only to addresses that may be connected to, asked of the very addresses that the name was resolved to; follows nobody
 * elsewhere; reads 64 KiB of an answer; takes ten seconds in all.
 */
final class HttpSender implements Sender {
    private static final MediaType JSON = MediaType.get("application/json");
    private static final Duration CONNECT = Duration.ofSeconds(5);
    private static final Duration WHOLE = Duration.ofSeconds(10);
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);
    private static final long MOST_READ = 64 << 10;

    private final Webhook webhook;
    private final Payloads payloads;
    private final OkHttpClient http;

    HttpSender(Webhook webhook, Payloads payloads) {
        this.webhook = webhook;
        this.payloads = payloads;
        this.http = new OkHttpClient.Builder()
                .proxy(Proxy.NO_PROXY)
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                .connectTimeout(CONNECT)
                .callTimeout(WHOLE)
                .connectionPool(new ConnectionPool(0, 1, TimeUnit.SECONDS))
                .dns(this::resolve)
                .build();
    }

    /** Of a name; OkHttp does not ask for an address in figures, which {@link Webhook} has looked at. */
    List<InetAddress> resolve(String host) throws UnknownHostException {
        List<InetAddress> allowed = List.of(InetAddress.getAllByName(host)).stream()
                .filter(each -> Destinations.mayConnect(each, webhook.address().getHost()))
                .toList();
        if (allowed.isEmpty()) {
            throw new UnknownHostException("it resolves to addresses that must not be connected to");
        }
        return allowed;
    }

    @Override
    public String channel() {
        return webhook.type().word();
    }

    @Override
    public boolean takesSeveral() {
        return webhook.type() == Webhook.Type.SLACK || webhook.type() == Webhook.Type.TEAMS;
    }

    @Override
    public Outcome send(List<Transition> message) {
        Request request = new Request.Builder()
                .url(webhook.address().toString())
                .post(RequestBody.create(payloads.of(webhook, message), JSON))
                .build();
        try (Response response = http.newCall(request).execute()) {
            drain(response);
            int status = response.code();
            if (status >= 200 && status < 300) {
                return Outcome.TAKEN;
            }
            boolean mayRepeat = status == 408 || status == 429 || status >= 500;
            return new Outcome(false, mayRepeat, retryAfter(response.header("Retry-After")), "HTTP " + status);
        } catch (IOException e) {
            // No text of an exception: it may hold the address.
            return new Outcome(false, true, Duration.ZERO, e.getClass().getSimpleName());
        }
    }

    @Override
    public void cancel() {
        http.dispatcher().cancelAll();
    }

    /** What was answered is of no interest; what is cut off costs a connection. */
    private static void drain(Response response) throws IOException {
        BufferedSource body = response.body().source();
        Buffer read = new Buffer();
        long left = MOST_READ;
        while (left > 0) {
            long count = body.read(read, left);
            if (count < 0) {
                return;
            }
            left -= count;
            read.clear();
        }
    }

    private static Duration retryAfter(@Nullable String seconds) {
        try {
            Duration wait = Duration.ofSeconds(seconds == null ? 0 : Long.parseLong(seconds.strip()));
            return wait.isNegative() ? Duration.ZERO : wait.compareTo(LONGEST_WAIT) > 0 ? LONGEST_WAIT : wait;
        } catch (NumberFormatException e) {
            return Duration.ZERO;
        }
    }
}
