package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import dev.holdfast.cache.upstash.UpstashConfig;
import dev.holdfast.cache.upstash.UpstashStore;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import okhttp3.ConnectionPool;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** {@link UpstashStore} beside OkHttp itself, which sends the same bytes and only compares what comes back. */
final class UpstashBench {
    private static final String TOKEN = "benchmark";
    private static final MediaType JSON = MediaType.get("application/json");
    private static final int SOME = 100;

    private final Report report;
    private final Pace pace;
    private final Entries entries = new Entries("upstash:", 1_000, 100);

    UpstashBench(Report report, Pace pace) {
        this.report = report;
        this.pace = pace;
    }

    void run() throws Exception {
        try (RedisServer server = Bench.server();
                UpstashGateway gateway = UpstashGateway.start(server.host() + ':' + server.port(), TOKEN);
                UpstashStore store = UpstashStore.create(UpstashConfig.of(gateway.url(), Secret.of(TOKEN)))) {
            store.putAll(entries.all(), CacheStore.FOREVER);
            OkHttpClient http = client();
            try {
                Load.Call bare = bare(http, gateway.url());
                for (int threads : new int[] {1, 8, 64}) {
                    new Contest("REST GET of 100 B, threads: " + threads, pace, load(threads))
                            .add("holdfast", index -> entries.require(index, store.get(entries.key(index))))
                            .add("okhttp", bare)
                            .run()
                            .ratio(report, "upstash.get.t" + threads, "holdfast", "okhttp");
                }
                bulk(store);
            } finally {
                http.dispatcher().executorService().shutdown();
                http.connectionPool().evictAll();
            }
        }
    }

    private Load load(int threads) {
        return new Load(entries.count(), threads, false);
    }

    private void bulk(UpstashStore store) throws InterruptedException {
        new Contest("REST, 100 keys, 1 thread", pace, load(1))
                .add("getAll", index -> entries.require(index, SOME, store.getAll(entries.keys(index, SOME))))
                .add("100 gets", index -> {
                    for (int i = 0; i < SOME; i++) {
                        int at = (index + i) % entries.count();
                        entries.require(at, store.get(entries.key(at)));
                    }
                })
                .run()
                .ratio(report, "upstash.getall", "getAll", "100 gets");
    }

    /** Keeps a connection for every caller: with the default of five idle ones it would connect all the time. */
    private static OkHttpClient client() {
        return new OkHttpClient.Builder()
                .connectionPool(new ConnectionPool(64, 5, TimeUnit.MINUTES))
                .retryOnConnectionFailure(false)
                .followRedirects(false)
                .build();
    }

    private Load.Call bare(OkHttpClient http, String url) {
        byte[][] expected = new byte[entries.count()][];
        for (int i = 0; i < expected.length; i++) {
            String base64 = Base64.getEncoder().encodeToString(entries.value(i));
            expected[i] = ("{\"result\":\"" + base64 + "\"}").getBytes(StandardCharsets.UTF_8);
        }
        return index -> {
            byte[] command = ("[\"GET\",\"" + entries.key(index) + "\"]").getBytes(StandardCharsets.UTF_8);
            Request request = new Request.Builder()
                    .url(url)
                    .header("Authorization", "Bearer " + TOKEN)
                    .header("Upstash-Encoding", "base64")
                    .post(RequestBody.create(command, JSON))
                    .build();
            try (Response response = http.newCall(request).execute()) {
                WrongAnswerException.require(expected[index], response.body().bytes());
            }
        };
    }
}
