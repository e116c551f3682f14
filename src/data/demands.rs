//! What models demand of their data: one domain or two, and pairs.

use super::{Dataset, Origin};
use crate::error::{Error, Result};

impl Dataset {
    /// Refuses two domains, which a model of one does not know what to do with.
    ///
    /// # Errors
    /// When there are two.
    pub fn require_one_domain(&self) -> Result<()> {
        match self.origin {
            None => Ok(()),
            Some(_) => Err(Error::Data(format!(
                "{}: two domains, A and B, which this recipe does not tell apart; gansaku train cyclegan translates from \
                 the one to the other, gansaku train pix2pix too where they are pairs; give the folder of one domain \
                 alone to learn that",
                self.name
            ))),
        }
    }

    /// Domain A, for a model that translates from one domain to another.
    ///
    /// # Errors
    /// When there is one domain only.
    pub fn require_origin(&self) -> Result<&Origin> {
        self.origin.as_deref().ok_or_else(|| {
            Error::Data(format!(
                "{}: one domain, but this recipe translates from one to another; expected a folder that holds trainA and \
                 trainB, or, with --set data.source=pairs, pictures of two halves side by side. gansaku train --data PATH \
                 learns one domain",
                self.name
            ))
        })
    }

    /// Domain A, whose training examples have to be pairs with those of domain B.
    ///
    /// # Errors
    /// When there is one domain only, or two that are no pairs: the message names the first file without a partner.
    pub fn require_pairs(&self) -> Result<&Origin> {
        let origin = self.require_origin()?;
        if origin.paired.train {
            return Ok(origin);
        }
        let why = origin.unpaired.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let counts = [origin.data.train.count, self.train.count];
        Err(Error::Data(format!(
            "{}: {} training examples of A and {} of B are no pairs{why}; this recipe needs pairs, files of one name in \
             trainA and trainB or pictures of two halves (--set data.source=pairs). gansaku train cyclegan needs none",
            self.name, counts[0], counts[1]
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Examples, Paired, Shape, Values};

    #[test]
    fn errors_say_what_is_there_and_which_recipe_takes_it() {
        let train = Examples { count: 3, values: Values::U8(vec![1, 2, 3]), labels: None };
        let one = Dataset::of("pictures", Shape { channels: 1, height: 1, width: 1 }, 0, train);
        let two = |paired: bool| {
            let paired = Paired { train: paired, ..Paired::default() };
            let unpaired = Some("trainA/7.png has no partner in trainB".to_string());
            let origin = Origin { data: one.clone(), paired, unpaired: unpaired.filter(|_| !paired.train) };
            Dataset { origin: Some(Box::new(origin)), ..one.clone() }
        };
        assert!(one.require_one_domain().is_ok() && two(false).require_origin().is_ok());
        assert!(two(true).require_pairs().is_ok());
        let told = |result: Result<()>| result.expect_err("refused").to_string();
        assert!(told(two(true).require_one_domain()).contains("gansaku train cyclegan"));
        assert!(told(one.require_origin().map(drop)).contains("trainA and trainB"));
        assert!(told(one.require_pairs().map(drop)).contains("one domain"));
        let why = told(two(false).require_pairs().map(drop));
        assert!(
            why.contains("3 training examples of A and 3 of B are no pairs: trainA/7.png has no partner"),
            "{why}"
        );
    }
}
