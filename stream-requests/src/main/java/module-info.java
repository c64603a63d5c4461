import org.jspecify.annotations.NullMarked;

/** Request and reply over Redis Streams. */
@NullMarked
module dev.holdfast.streams {
    requires transitive dev.holdfast.cache;
    requires static transitive org.jspecify;
    requires org.apache.commons.pool2;
    requires org.slf4j;
    requires redis.clients.jedis;

    exports dev.holdfast.streams;
}
