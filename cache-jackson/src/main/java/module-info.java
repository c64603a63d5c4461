import dev.holdfast.cache.CodecProvider;
import dev.holdfast.cache.jackson.JacksonCodecProvider;
import org.jspecify.annotations.NullMarked;

/** JSON for values, on Jackson 3. The module that declares the values' types opens their packages to Jackson. */
@NullMarked
module dev.holdfast.cache.jackson {
    requires static transitive org.jspecify;
    requires transitive dev.holdfast.cache;
    requires transitive tools.jackson.databind;

    exports dev.holdfast.cache.jackson;

    provides CodecProvider with
            JacksonCodecProvider;
}
