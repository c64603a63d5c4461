module consumer {
    requires dev.holdfast.cache.client;
}
