package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/** An application that opens a client by the settings that it is given ({@code NAME=value;…}), uses it, and closes it. */
public final class Deployed implements Consumer<String> {
    /** For its container. */
    public Deployed() {}

    @Override
    public void accept(String settings) {
        Map<String, String> map = new HashMap<>();
        for (String setting : settings.isEmpty() ? new String[0] : settings.split(";", -1)) {
            map.put(setting.substring(0, setting.indexOf('=')), setting.substring(setting.indexOf('=') + 1));
        }
        try (CacheClient client = CacheClient.from(Settings.of(map))) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            for (int i = 0; i < 50; i++) {
                cache.get("k" + i, key -> "v");
                cache.async().get("k" + i, key -> "v").join();
            }
            cache.clear();
        }
    }
}
