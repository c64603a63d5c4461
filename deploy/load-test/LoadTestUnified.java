import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Sends requests to an ingress, one after another or all at once, and prints count, failures, rate and times. One file, run by
 * {@code java LoadTestUnified.java}; JDK 17 or later and nothing else. Ends with 0 if every request was answered with 200, 1 if one was
 * not, or with another request's answer, 2 if the arguments are wrong.
 */
public final class LoadTestUnified {
    private static final String USAGE =
            "usage: load-test-unified [-Mode sequential|concurrent] [-Url http://host:port/request] [-Count n] [-Timeout seconds]";

    private final boolean concurrent;
    private final URI url;
    private final int count;
    private final Duration timeout;
    private final HttpClient client;
    private final long[] nanos;
    private final Map<String, Integer> failures = new ConcurrentHashMap<>();

    private LoadTestUnified(Map<String, String> options) {
        String mode = options.getOrDefault("mode", "sequential").toLowerCase(Locale.ROOT);
        if (!mode.equals("sequential") && !mode.equals("concurrent")) {
            throw new IllegalArgumentException("-Mode must be sequential or concurrent: " + mode);
        }
        concurrent = mode.equals("concurrent");
        url = url(options.getOrDefault("url", "http://localhost:8080/request"));
        count = number(options, "count", 10);
        timeout = Duration.ofSeconds(number(options, "timeout", 30));
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(timeout)
                .build();
        nanos = new long[count];
    }

    public static void main(String[] args) {
        LoadTestUnified test;
        try {
            test = new LoadTestUnified(options(args));
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.err.println(USAGE);
            System.exit(2);
            return;
        }
        System.exit(test.run() ? 0 : 1);
    }

    private static Map<String, String> options(String[] args) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i < args.length; i += 2) {
            String name = args[i].replaceFirst("^--?", "").toLowerCase(Locale.ROOT);
            if (!List.of("mode", "url", "count", "timeout").contains(name) || i + 1 == args.length) {
                throw new IllegalArgumentException("not understood: " + args[i]);
            }
            options.put(name, args[i + 1]);
        }
        return options;
    }

    private static URI url(String text) {
        try {
            URI uri = new URI(text);
            if (List.of("http", "https").contains(uri.getScheme()) && uri.getHost() != null) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // Said below.
        }
        throw new IllegalArgumentException("-Url must be http://host:port/path: " + text);
    }

    private static int number(Map<String, String> options, String name, int byDefault) {
        String text = options.getOrDefault(name, Integer.toString(byDefault));
        if (!text.matches("[1-9][0-9]{0,6}")) {
            throw new IllegalArgumentException("-" + name + " must be a number from 1 to 9999999: " + text);
        }
        return Integer.parseInt(text);
    }

    private boolean run() {
        long start = System.nanoTime();
        List<CompletableFuture<Void>> calls = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            CompletableFuture<Void> call = send(i);
            if (!concurrent) {
                call.join();
            }
            calls.add(call);
        }
        calls.forEach(CompletableFuture::join);
        double seconds = (System.nanoTime() - start) / 1e9;
        return report(seconds);
    }

    /** Sends the request; the future never fails. */
    private CompletableFuture<Void> send(int index) {
        String text = "request " + index;
        HttpRequest request = HttpRequest.newBuilder(url)
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .POST(HttpRequest.BodyPublishers.ofString(text))
                .build();
        long start = System.nanoTime();
        CompletableFuture<HttpResponse<String>> sent =
                client.sendAsync(request, HttpResponse.BodyHandlers.ofString());
        // The request's own timeout ends with the headers, and a body may never come.
        return sent.copy().orTimeout(timeout.toSeconds(), TimeUnit.SECONDS).handle((response, failure) -> {
            nanos[index] = System.nanoTime() - start;
            sent.cancel(true);
            String outcome = outcome(text, response, failure);
            if (!outcome.isEmpty()) {
                failures.merge(outcome, 1, Integer::sum);
            }
            return null;
        });
    }

    private static String outcome(String text, HttpResponse<String> response, Throwable failure) {
        if (failure != null) {
            Throwable cause = failure.getCause() instanceof IOException known ? known : failure;
            return cause.getClass().getSimpleName();
        }
        if (response.statusCode() != 200) {
            return "status " + response.statusCode();
        }
        // Exactly what the proxy makes of it: request 10's answer begins as request 1's does.
        return response.body().equals("done: " + text) ? "" : "another request's answer";
    }

    private boolean report(double seconds) {
        Arrays.sort(nanos);
        int failed = failures.values().stream().mapToInt(Integer::intValue).sum();
        failures.forEach((what, times) -> System.out.println("failed: " + what + ", " + times + " times"));
        System.out.printf(
                Locale.ROOT,
                "mode=%s count=%d failures=%d rate=%.1f/s p50=%.1fms p95=%.1fms p99=%.1fms%n",
                concurrent ? "concurrent" : "sequential",
                count,
                failed,
                count / seconds,
                millis(0.50),
                millis(0.95),
                millis(0.99));
        return failed == 0;
    }

    private double millis(double quantile) {
        return nanos[Math.max(0, (int) Math.ceil(quantile * count) - 1)] / 1e6;
    }
}
