//! Keys of the variable `error` that Digdag does not have: to be found by name, but by nobody who lists or prints it.

use rquickjs::Object;
use rquickjs::object::Property;

use crate::session::ERROR_EXTRAS;

/// Makes them keys that JavaScript does not enumerate.
pub(super) fn hide(scope: &Object<'_>) -> rquickjs::Result<()> {
    let Ok(error) = scope.get::<_, Object<'_>>("error") else { return Ok(()) };
    for key in ERROR_EXTRAS {
        if error.contains_key(key)? {
            let value: rquickjs::Value<'_> = error.get(key)?;
            error.remove(key)?;
            error.prop(key, Property::from(value).writable().configurable())?;
        }
    }
    Ok(())
}
